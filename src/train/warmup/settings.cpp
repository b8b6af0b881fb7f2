#include "train/warmup/settings.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "train/loop/schedule.h"
#include "train/loop/settings_json.h"
#include "train/warmup/objective.h"

namespace dsa::train {

void check_range(const char* option, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high) fail("{} {}: expected {} to {}", option, value, low, high);
}
void check_rate(const char* option, double value) {
  if (!(value > 0 && value <= 1)) fail("{} {}: expected more than 0, at most 1", option, value);
}
void check_clip(double value) {
  if (!(value > 0 && std::isfinite(value))) fail("--clip {}: expected more than 0", value);
}

void validate(const WarmupSettings& s) {
  check_range("--heads", s.heads, 1, 1024);
  check_range("--dim", s.dim, 2, 1024);
  check_range("--top-k", s.topk, 1, std::int64_t{1} << 24);
  check_range("--rows", s.rows, 1, std::int64_t{1} << 24);
  check_range("--updates", s.updates, 1, std::int64_t{1} << 24);
  check_rate("--lr", s.lr);
  check_clip(s.clip);
  static_cast<void>(parse_target(s.target));
  static_cast<void>(Curriculum::parse(s.curriculum));
}

nlohmann::json to_json(const WarmupSettings& settings) { return settings_to_json(settings); }

WarmupSettings settings_from_json(const nlohmann::json& json, std::string_view who) {
  return read_settings<WarmupSettings>(json, who);
}

}  // namespace dsa::train
