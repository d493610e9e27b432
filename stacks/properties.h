// Properties: reads typed properties of one evaluated map; what is wrong is an error at its place.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stacks/node.h"

namespace hearth::stacks {

class Properties {
 public:
  Properties(const Node& node, std::string prefix, Diagnostics& errors)
      : node_(node), prefix_(std::move(prefix)), errors_(errors) {}

  // nullptr: absent, or written without a value, or its error is reported already.
  const Node* Find(std::string_view name) const;
  std::string Text(std::string_view name) const;  // Empty: absent.
  int64_t Integer(std::string_view name, int64_t fallback) const;
  bool Flag(std::string_view name) const;
  double Number(std::string_view name) const;  // From 0 to 1.
  std::map<std::string, std::string> TextMap(std::string_view name) const;
  std::vector<std::string> TextList(std::string_view name) const;
  std::map<std::string, std::string> TagList(std::string_view name) const;  // [{Key, Value}]
  // The map below `name`, whose only members are `allowed`.
  std::optional<Properties> Below(std::string_view name,
                                  std::span<const std::string_view> allowed) const;
  std::optional<Properties> Below(std::string_view name, std::string_view allowed) const {
    return Below(name, std::span(&allowed, 1));
  }
  // One of `words`; anything else is an error, and `fallback`.
  std::string Word(std::string_view name, std::initializer_list<std::string_view> words,
                   std::string_view fallback) const;
  // ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: N}. 0: absent.
  uint32_t ProvisionedConcurrency() const;

 private:
  const Node& node_;
  std::string prefix_;
  Diagnostics& errors_;
};

// [{Key, Value}] as the map that SAM has; nullptr: it is none, which is an error.
NodeRef TagsAsMap(const NodeRef& list, Diagnostics& errors);

// "Value '50' at 'memorySize' failed ..." is about MemorySize: its place among `properties`, else
// the resource's.
Position PlaceOf(const std::map<std::string, Position>& properties, Position resource,
                 const std::string& message);

}  // namespace hearth::stacks
