// Who owns every bucket and object of this host, as lists and ACLs tell it.
#pragma once

#include <string_view>

#include "triggers/s3/xml_writer.h"

namespace hearth::s3 {

inline constexpr std::string_view kOwnerId =
    "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a";
inline constexpr std::string_view kOwnerName = "hearth";

// What stands in an element that names somebody.
inline void WriteOwner(XmlWriter& xml) {
  xml.Element("ID", kOwnerId);
  xml.Element("DisplayName", kOwnerName);
}
inline void WriteOwner(XmlWriter& xml, std::string_view element) {
  xml.Open(element);
  WriteOwner(xml);
  xml.Close();
}

}  // namespace hearth::s3
