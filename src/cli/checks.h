// What is asked of a value as it was typed, before it becomes one.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsa::cli {

struct Check {
  /// What is wrong with the text, "" if nothing is.  It may write the text anew.
  std::function<std::string(std::string& text)> complaint;
  std::string description;  // in --help, behind the type; "": nothing
};

/// "42", "-7", "+7", "007"; nothing for what is no such number or not within T, as "4k", "0x10", "1e3", "".
template <class T>
std::optional<T> parse_whole(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

/// Whole numbers by one parser: decimal, and never another number than the one typed.  Of an option whose
/// value is of type T.  It leaves CLI11 a number without a leading zero, which means octal there.
template <class T>
Check whole(T min = std::numeric_limits<T>::min(), T max = std::numeric_limits<T>::max()) {
  const std::string range = fmt::format("{} to {}", min, max);
  return {[=](std::string& text) -> std::string {
            const auto value = parse_whole<T>(text);
            if (!value || *value < min || *value > max)
              return fmt::format("{} is not a whole number from {}", text, range);
            text = std::to_string(*value);
            return "";
          },
          range};
}

/// A number, NaN is none.
Check within(double min, double max);

Check one_of(std::vector<std::string> words);

}  // namespace dsa::cli
