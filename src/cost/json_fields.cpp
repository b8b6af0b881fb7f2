#include "cost/json_fields.h"

#include "base/error.h"

namespace dsa::cost {

using nlohmann::json;

const json& member(const json& object, const char* key, json::value_t type, const std::string& who) {
  static const json kNothing;
  const json& found = object.is_object() && object.contains(key) ? object[key] : kNothing;
  const bool fits = type == json::value_t::number_float ? found.is_number() : found.type() == type;
  if (!fits) fail("{}: has no {} of the kind that it should have", who, key);
  return found;
}

double number(const json& object, const char* key, const std::string& who) {
  return member(object, key, json::value_t::number_float, who).get<double>();
}

double number_within(const json& object, const char* key, double min, double max, const std::string& who) {
  const double value = number(object, key, who);
  if (!(value >= min && value <= max)) fail("{}: {} is {}: expected {} to {}", who, key, value, min, max);
  return value;
}

std::string string(const json& object, const char* key, const std::string& who) {
  return member(object, key, json::value_t::string, who).get<std::string>();
}

}  // namespace dsa::cost
