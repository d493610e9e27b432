// Seccomp: which system calls a sandbox may make. Deny by default; every allowed group has its
// reason in the table of seccomp.cc. Built once by the zygote; the embryo only installs it.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "base/result.h"

namespace hearth::sandbox {

base::Result<std::vector<struct sock_filter>> BuildSeccompFilter();

}  // namespace hearth::sandbox
