// `hearth usage`: how much functions ran in a month, what is left of Lambda's free tier, and what
// the rest would cost at AWS's list price.
//
// Source: Lambda's pricing page (x86, us-east-1): 1,000,000 requests and 400,000 GB-seconds a month
// are free; then $0.20 a million requests and $0.0000166667 a GB-second.
#pragma once

#include <cstdint>
#include <string>

#include "cli/client.h"
#include "cli/command.h"

namespace hearth::cli {

struct UsageOptions {
  std::string month;  // "2026-11"; empty: the host's own.
};

// What a month comes to.
struct Bill {
  uint64_t free_requests_left = 0;
  double free_gb_s_left = 0;
  double requests_usd = 0;
  double compute_usd = 0;
};
Bill BillOf(uint64_t requests, double gb_s);

int RunUsage(const Client& client, Console& console, const UsageOptions& options);

}  // namespace hearth::cli
