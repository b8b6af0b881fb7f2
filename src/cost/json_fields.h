// Members of JSON objects from files, which hold anything.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace dsa::cost {

/// A member of an object, of the JSON type that is wanted (any number for number_float).  Throws Error that
/// begins with `who`.
const nlohmann::json& member(const nlohmann::json& object, const char* key, nlohmann::json::value_t type,
                             const std::string& who);
double number(const nlohmann::json& object, const char* key, const std::string& who);
/// From min to max.
double number_within(const nlohmann::json& object, const char* key, double min, double max,
                     const std::string& who);
std::string string(const nlohmann::json& object, const char* key, const std::string& who);

}  // namespace dsa::cost
