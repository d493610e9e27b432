// Layers in a template: AWS::Serverless::LayerVersion and AWS::Lambda::LayerVersion.
//
// A layer version never changes: where its resource says something else than what is there, the
// next version is published. Its number is known only then; until it is, a token stands for it
// (tokens.h). Source: SAM specification, AWS::Serverless::LayerVersion; CloudFormation
// User Guide, AWS::Lambda::LayerVersion.
#pragma once

#include <string>

#include "invoker/layer.h"
#include "stacks/function_resource.h"
#include "stacks/node.h"

namespace hearth::stacks {

inline constexpr char kLayerType[] = "AWS::Lambda::LayerVersion";
inline constexpr char kServerlessLayerType[] = "AWS::Serverless::LayerVersion";

struct PlannedLayer {
  std::string logical_id;
  Position position;
  Position content;              // Where its content is named.
  std::string code_path;         // As written.
  invoker::LayerVersion layer;   // But for its number, its content and its time.
  bool retain = false;           // It stays when its resource goes.
  bool retain_replaced = false;  // It stays when another version takes its place.
};

// Whether `published` is what `planned`, with this content, would become.
bool IsSameLayer(const invoker::LayerVersion& published, const invoker::LayerVersion& planned);

// Every property that is unknown is an error at its own place. May be null.
void CheckLayerProperties(std::string_view type, const NodeRef& properties, Diagnostics& errors);
// `properties` is evaluated. Anything wrong is in `errors`; the result is then not to be used.
PlannedLayer ReadLayer(const Member& resource, const NodeRef& properties, Diagnostics& errors);

}  // namespace hearth::stacks
