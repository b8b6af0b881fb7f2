// Typed reading of one JSON object of a configuration: every key is read, known to be inert, or reported.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace dsa {

/// Messages start with `who` (the path).  A key that is null counts as absent.
/// The object must outlive the reader.
class ConfigReader {
 public:
  /// Throws Error unless `value` is an object.
  ConfigReader(const nlohmann::json& value, std::string who);

  [[nodiscard]] const std::string& who() const { return who_; }
  /// The value of a key that is there and not null.
  const nlohmann::json* find(std::string_view key);
  [[nodiscard]] bool has(std::string_view key) { return find(key) != nullptr; }

  /// Whole numbers below 2^31, as JSON integers: 1.0 and "1" are errors.
  std::int64_t integer(std::string_view key);
  std::int64_t integer(std::string_view key, std::int64_t fallback);
  double number(std::string_view key);
  double number(std::string_view key, double fallback);
  bool boolean(std::string_view key);
  bool boolean(std::string_view key, bool fallback);
  std::string string(std::string_view key, std::string_view fallback);
  std::vector<std::string> strings(std::string_view key);  // empty if absent
  /// A list of whole numbers below 2^31; empty if absent.
  std::vector<std::int64_t> integers(std::string_view key);
  /// A number or a list of them, each in [0, 2^31); empty if absent.
  std::vector<std::int32_t> ids(std::string_view key);

  /// Throws Error if the key is there with any other value: settings we know and support one value of.
  void expect(std::string_view key, std::initializer_list<std::string_view> supported);
  /// Keys that change nothing here.
  void ignore(std::initializer_list<std::string_view> keys);
  /// Warns once about keys that nothing above has asked for.
  void warn_about_the_rest() const;

 private:
  [[noreturn]] void wrong(std::string_view key, const nlohmann::json& value, std::string_view expected) const;

  const nlohmann::json& object_;
  std::string who_;
  std::set<std::string, std::less<>> seen_;
};

}  // namespace dsa
