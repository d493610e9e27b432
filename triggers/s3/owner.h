// Who owns every bucket and object of this host, as lists and ACLs tell it.
#pragma once

#include <string_view>

namespace hearth::s3 {

inline constexpr std::string_view kOwnerId =
    "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a";
inline constexpr std::string_view kOwnerName = "hearth";

}  // namespace hearth::s3
