// The host's own log: one line an event, to standard error. Functions' logs: runtime/log_capture.
//
// Log once, at the top, with the request id and the function's name.
#pragma once

#include <spdlog/spdlog.h>

namespace hearth::base {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Called once by main; `name` starts every line ("hearthd").
void InitLog(const char* name, LogLevel level);

}  // namespace hearth::base

#define HLOG_DEBUG(...) ::spdlog::debug(__VA_ARGS__)
#define HLOG_INFO(...) ::spdlog::info(__VA_ARGS__)
#define HLOG_WARN(...) ::spdlog::warn(__VA_ARGS__)
#define HLOG_ERROR(...) ::spdlog::error(__VA_ARGS__)
