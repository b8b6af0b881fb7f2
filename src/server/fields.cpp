#include "server/fields.h"

#include <cmath>

#include "base/json.h"
#include "server/errors.h"

namespace dsa::server {

std::string shown(const nlohmann::json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  return value.is_string() ? fmt::format("\"{}\"", printable(value.get_ref<const std::string&>(), 40))
                           : printable(json_text(value), 40);
}

std::optional<std::int64_t> as_integer(const nlohmann::json& value, std::int64_t min, std::int64_t max) {
  std::int64_t number = 0;
  if (value.is_number_unsigned()) {
    const auto wide = value.get<std::uint64_t>();
    if (!std::in_range<std::int64_t>(wide)) return std::nullopt;
    number = static_cast<std::int64_t>(wide);
  } else if (value.is_number_integer()) {
    number = value.get<std::int64_t>();
  } else if (value.is_number_float()) {
    constexpr double kExact = 9007199254740992.0;  // beyond it neighbours look alike
    const auto real = value.get<double>();
    if (!(std::abs(real) <= kExact) || real != std::trunc(real)) return std::nullopt;
    number = static_cast<std::int64_t>(real);
  } else {
    return std::nullopt;
  }
  if (number < min || number > max) return std::nullopt;
  return number;
}

Fields::Fields(const nlohmann::json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (!object.is_object())
    throw ApiError(
        400, "invalid_type",
        fmt::format("{} is {}, expected an object", path_.empty() ? "the request" : path_, shown(object)),
        path_);
}

const nlohmann::json* Fields::find(std::string_view name) const {
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::string Fields::where(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

void Fields::wrong(std::string_view name, std::string_view expected) const {
  const auto* value = find(name);
  const std::string got = value == nullptr ? "is missing" : fmt::format("is {}", shown(*value));
  throw ApiError(400, value == nullptr ? "missing_required_parameter" : "invalid_value",
                 fmt::format("{} {}, expected {}", where(name), got, expected), where(name));
}

std::optional<bool> Fields::boolean(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) wrong(name, "true or false");
  return value->get<bool>();
}

std::optional<std::int64_t> Fields::integer(std::string_view name, std::int64_t min, std::int64_t max) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto number = as_integer(*value, min, max);
  if (!number) wrong(name, fmt::format("a whole number from {} to {}", min, max));
  return number;
}

std::optional<double> Fields::number(std::string_view name, double min, double max) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  const bool fits = value->is_number() && value->get<double>() >= min && value->get<double>() <= max;
  if (!fits) wrong(name, fmt::format("a number from {} to {}", min, max));
  return value->get<double>();
}

std::optional<std::string> Fields::string(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) wrong(name, "a string");
  return value->get<std::string>();
}

std::optional<Fields> Fields::object(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  return Fields(*value, where(name));
}

}  // namespace dsa::server
