#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/env.h"
#include "base/error.h"

namespace dsa {

namespace {

Wording chosen_wording = nullptr;  // set once, at the start of main

}  // namespace

void init_log(Wording wording) {
  chosen_wording = wording;
  const std::string name = env_or("DSA_LOG", "warn");
  const auto level = spdlog::level::from_str(name == "warn" ? "warning" : name);
  if (level == spdlog::level::off && name != "off")
    fail("DSA_LOG: unknown level \"{}\", expected trace, debug, info, warn, error or off", printable(name));
  auto logger = spdlog::stderr_logger_mt("dsa");
  logger->set_level(level);
  logger->set_pattern("%n: %l: %v");
  spdlog::set_default_logger(std::move(logger));
}

void log_warning(std::string_view line) {
  spdlog::warn("{}", chosen_wording != nullptr ? chosen_wording(line) : std::string(line));
}

}  // namespace dsa
