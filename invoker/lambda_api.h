// LambdaApi: Lambda's rest-json wire API over ControlPlane, Registry and Invoker.
//
// Served: CreateFunction, GetFunction, GetFunctionConfiguration, ListFunctions, UpdateFunctionCode,
// UpdateFunctionConfiguration, DeleteFunction, Invoke (RequestResponse, Event, DryRun; LogType
// Tail); reserved concurrency and account settings (concurrency_api.h); policies (policy_api.h),
// tags (tags_api.h), what is kept only (function_controls_api.h); event
// source mappings (event_source_api.h); InvokeAsync; versions, aliases
// and provisioned concurrency (versions_api.h); settings of asynchronous invocations
// (event_invoke_api.h); layers (layers_api.h). Anything else of Lambda's API: 501
// NotImplementedException naming the operation. Source: aws-facts 1.0, 1.1, 4.5.
#pragma once

#include <memory>

#include "aws/gateway.h"
#include "invoker/async_queue.h"
#include "invoker/code_download.h"
#include "invoker/control_plane.h"
#include "invoker/event_source_mappings.h"
#include "invoker/invoker.h"
#include "invoker/registry.h"
#include "io/offload.h"
#include "layers/code_store.h"

namespace hearth::invoker {

// Without `events`, Event invocations are refused; without `downloads`, GetFunction's Code has no
// Location; without `mappings`, there are no event source mappings. Everything given must outlive
// the service.
std::unique_ptr<aws::Service> MakeLambdaApi(ControlPlane& control, Registry& registry,
                                            Invoker& invoker, layers::CodeStore& code,
                                            io::Offload& disk, const io::Loop& loop,
                                            LambdaApiOptions options, AsyncQueue* events = nullptr,
                                            CodeDownload* downloads = nullptr,
                                            EventSourceMappings* mappings = nullptr);

}  // namespace hearth::invoker
