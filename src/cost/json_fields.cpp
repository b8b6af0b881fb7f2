#include "cost/json_fields.h"

#include "base/error.h"

namespace dsa::cost {

using Json = nlohmann::json;

const Json& member(const Json& object, const char* key, Json::value_t type, const std::string& who) {
  static const Json kNothing;
  const Json& found = object.is_object() && object.contains(key) ? object[key] : kNothing;
  const bool fits = type == Json::value_t::number_float ? found.is_number() : found.type() == type;
  if (!fits) fail("{}: has no {} of the kind that it should have", who, key);
  return found;
}

double number(const Json& object, const char* key, const std::string& who) {
  return member(object, key, Json::value_t::number_float, who).get<double>();
}

double number_within(const Json& object, const char* key, double min, double max, const std::string& who) {
  const double value = number(object, key, who);
  if (!(value >= min && value <= max)) fail("{}: {} is {}: expected {} to {}", who, key, value, min, max);
  return value;
}

std::string string(const Json& object, const char* key, const std::string& who) {
  return member(object, key, Json::value_t::string, who).get<std::string>();
}

}  // namespace dsa::cost
