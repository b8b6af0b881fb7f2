// What makes sense as the value of a setting.  Each throws Error naming the setting.
#pragma once

#include <cstdint>

namespace dsa::train {

void check_range(const char* setting, std::int64_t value, std::int64_t low, std::int64_t high);
/// A learning rate.
void check_rate(const char* setting, double value);
void check_share(const char* setting, double value);
/// A largest norm.
void check_clip(const char* setting, double value);

}  // namespace dsa::train
