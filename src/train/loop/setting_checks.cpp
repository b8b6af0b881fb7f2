#include "train/loop/setting_checks.h"

#include <cmath>

#include "base/error.h"

namespace dsa::train {

void check_range(const char* setting, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high) fail("`{}` {}: expected {} to {}", setting, value, low, high);
}
void check_rate(const char* setting, double value) {
  if (!(value > 0 && value <= 1)) fail("`{}` {}: expected more than 0, at most 1", setting, value);
}
void check_share(const char* setting, double value) {
  if (!(value >= 0 && value <= 1)) fail("`{}` {}: expected 0 to 1", setting, value);
}
void check_clip(const char* setting, double value) {
  if (!(value > 0 && std::isfinite(value))) fail("`{}` {}: expected more than 0", setting, value);
}

}  // namespace dsa::train
