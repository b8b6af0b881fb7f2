#include "train/settings.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "train/objective.h"
#include "train/schedule.h"

namespace dsa::train {

void validate(const WarmupSettings& s) {
  const auto in_range = [](const char* option, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value < low || value > high) fail("{} {}: expected {} to {}", option, value, low, high);
  };
  in_range("--heads", s.heads, 1, 1024);
  in_range("--dim", s.dim, 2, 1024);
  in_range("--top-k", s.topk, 1, std::int64_t{1} << 24);
  in_range("--rows", s.rows, 1, std::int64_t{1} << 24);
  in_range("--updates", s.updates, 1, std::int64_t{1} << 24);
  if (!(s.lr > 0 && s.lr <= 1)) fail("--lr {}: expected more than 0, at most 1", s.lr);
  if (!(s.clip > 0 && std::isfinite(s.clip))) fail("--clip {}: expected more than 0", s.clip);
  static_cast<void>(parse_target(s.target));
  static_cast<void>(Curriculum::parse(s.curriculum));
}

nlohmann::json to_json(const WarmupSettings& settings) {
  nlohmann::json out;
  for_each_setting(settings, [&](const char* name, const auto& value) { out[name] = value; });
  return out;
}

WarmupSettings settings_from_json(const nlohmann::json& json, std::string_view who) {
  WarmupSettings out;
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
