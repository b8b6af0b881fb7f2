// Lines that known clients put near the front of their system prompt and change with every request: no prompt
// would begin like the one before, and nothing of it would be found in the cache.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsa::server {

struct VolatileLine {
  std::string begins;  // what such a line begins with, "x-anthropic-billing-header:"
  bool moved = false;  // to the prompt's end, in place of being dropped
};

/// Those that hold where a configuration says nothing.
std::span<const VolatileLine> known_volatile_lines();

/// [[volatile_lines]] of a configuration: a list of {"begins": ..., "do": "drop" or "move"}.  Throws Error
/// that starts with `who`.
std::vector<VolatileLine> read_volatile_lines(const nlohmann::json& list, std::string_view who);

/// What became of them, each as it begins, without its colon; several by commas.
struct SetAside {
  std::string dropped, moved;
};
/// The prompt without such lines, those that are moved behind all others.
std::string set_aside(std::string_view prompt, std::span<const VolatileLine> lines, SetAside& done);

}  // namespace dsa::server
