// One logger for the program, to stderr.  Libraries log through it and never print.
#pragma once

#include <spdlog/spdlog.h>

namespace dsa {

/// Sets level and format once, at the start of main.  DSA_LOG = trace|debug|info|warn|error|off
/// (default warn).  Throws Error on any other value.
void init_log();

}  // namespace dsa
