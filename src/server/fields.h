// An object of a request, read field by field: a wrong one is named, with what was expected.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace dsa::server {

/// Refers to the object.  A field that is null is one that is not there.  Everything throws ApiError.
class Fields {
 public:
  /// `path`: how errors name the object, "messages[0]"; "": the body itself.
  explicit Fields(const nlohmann::json& object, std::string path = "");

  /// Null: it is not there.
  [[nodiscard]] const nlohmann::json* find(std::string_view name) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view name) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name, std::int64_t min,
                                                    std::int64_t max) const;
  [[nodiscard]] std::optional<double> number(std::string_view name, double min, double max) const;
  [[nodiscard]] std::optional<std::string> string(std::string_view name) const;
  /// The object of that name; empty without one.
  [[nodiscard]] std::optional<Fields> object(std::string_view name) const;

  /// "messages[0].content".
  [[nodiscard]] std::string where(std::string_view name) const;
  /// `expected`: "a number from 0 to 2".
  [[noreturn]] void wrong(std::string_view name, std::string_view expected) const;
  [[nodiscard]] const nlohmann::json& json() const { return object_; }

 private:
  const nlohmann::json& object_;
  std::string path_;
};

/// A short text of a value, for errors; never long.
std::string shown(const nlohmann::json& value);
/// A whole number within [min, max], also as 3.0; nothing for anything else.
std::optional<std::int64_t> as_integer(const nlohmann::json& value, std::int64_t min, std::int64_t max);

}  // namespace dsa::server
