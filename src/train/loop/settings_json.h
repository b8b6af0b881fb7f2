// Settings of any training to JSON and back, by their one list (for_each_setting).
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"

namespace dsa::train {

template <class Settings>
nlohmann::json settings_to_json(const Settings& settings) {
  nlohmann::json out;
  for_each_setting(settings, [&](const char* name, const auto& value) { out[name] = value; });
  return out;
}

/// Throws Error that starts with `who` if one is missing or of another type, or makes no sense.
template <class Settings>
Settings read_settings(const nlohmann::json& json, std::string_view who) {
  Settings out;
  for_each_setting(out, [&](const char* name, auto& value) {
    try {
      json.at(name).get_to(value);
    } catch (const nlohmann::json::exception&) {
      fail("{}: the setting {} is missing or of another type", who, name);
    }
  });
  validate(out);
  return out;
}

}  // namespace dsa::train
