// JSON from files and requests, hostile until checked.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
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

/// The text of a value, on one line or indented: what every file and answer of ours is written with.  Bytes
/// that are not UTF-8 (a file's name may hold some) become U+FFFD.
/// Reading and writing JSON is compiled here alone: in every file that did it, it took longer than the file.
std::string json_text(const nlohmann::json& value, int indent = -1);
std::string json_text(const nlohmann::ordered_json& value, int indent = -1);

}  // namespace dsa
