// The figures of `dsa eval sparsity`, for a person and as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "eval/sparsity.h"

namespace dsa {

nlohmann::ordered_json to_json(const Sparsity& sparsity);
/// Tables, the last line ended too.
std::string to_text(const Sparsity& sparsity);

}  // namespace dsa
