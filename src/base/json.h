// JSON from files and requests, hostile until checked.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

namespace dsa {

struct JsonLimits {
  std::size_t max_bytes = std::size_t{256} << 20;
  int max_depth = 64;
  std::size_t max_values = 20'000'000;  // numbers, strings, keys, ... in the whole document
};

/// Parses one strict RFC 8259 document.  Throws Error that starts with `who` (usually the path) on:
/// bytes beyond the limits, depth, duplicate keys, invalid UTF-8, NaN/Infinity, numbers outside double,
/// trailing text.
nlohmann::json parse_json(std::string_view text, std::string_view who, const JsonLimits& limits = {});

}  // namespace dsa
