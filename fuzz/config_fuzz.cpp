// Any bytes as a config.json: an Error that names the file, or a config
// that keeps every promise of ModelConfig.
#include <spdlog/spdlog.h>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/config_json.h"

namespace {
const bool kQuiet = (spdlog::set_level(spdlog::level::off), true);  // warnings about unknown keys
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  DSA_CHECK(kQuiet);
  try {
    auto result = dsa::parse_hf_config(text, "config.json");
    dsa::validate(result.config, "config.json");  // must hold: parse_hf_config has called it
    DSA_CHECK(dsa::predicted_parameters(result.config, "config.json") > 0);
    dsa::apply_generation_config(text, "config.json", result.config);
  } catch (const dsa::Error& error) {
    const std::string_view message = error.what();
    DSA_CHECK(message.starts_with("config.json: ") && message.size() < 3000);
  }
  return 0;
}
