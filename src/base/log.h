// One logger for the program, to stderr.  Libraries log through it and never print.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <utility>

namespace dsa {

/// Sets level and format once, at the start of main.  DSA_LOG = trace|debug|info|warn|error|off
/// (default warn).  Throws Error on any other value.  `wording`: what every line goes through (a library
/// names settings, a program says how they are typed).
using Wording = std::string (*)(std::string_view line);
void init_log(Wording wording = nullptr);

/// A line, at level warn.
void log_warning(std::string_view line);

/// The same, formatted: warn("{}: {} is not used", who, key).  (spdlog's own header takes seconds to compile,
/// ten under sanitizers: it is included in log.cpp alone.)
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  log_warning(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace dsa
