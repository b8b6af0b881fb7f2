// Models whose sizes are known without their files.
#pragma once

#include <optional>
#include <string_view>

#include "bench/shape.h"

namespace dsa::cost {

/// "deepseek-v3.2": 61 layers and the head, stored in FP8 as published, without the module that predicts
/// further tokens.  Nothing for any other name.
std::optional<ModelShape> known_model(std::string_view name);

}  // namespace dsa::cost
