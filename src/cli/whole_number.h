// Whole numbers on the command line, by one parser: decimal, and never another number than the one typed.
#pragma once

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace dsa::cli {

/// "42", "-7", "+7", "007"; nothing for what is no such number or not within T, as "4k", "0x10", "1e3", "".
template <class T>
std::optional<T> parse_whole(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

/// Of an option whose value is of type T.  It leaves CLI11 a number without a leading zero, which means octal
/// there.
template <class T>
CLI::Validator whole(T min = std::numeric_limits<T>::min(), T max = std::numeric_limits<T>::max()) {
  const std::string range = fmt::format("{} to {}", min, max);
  return {[=](std::string& text) -> std::string {
            const auto value = parse_whole<T>(text);
            if (!value || *value < min || *value > max)
              return fmt::format("{} is not a whole number from {}", text, range);
            text = std::to_string(*value);
            return "";
          },
          range, "whole number"};
}

/// --seed, where -1 means a different one every time, as leaving it out does.
void add_seed(CLI::App& command, std::optional<std::uint64_t>& seed);

}  // namespace dsa::cli
