// What was selected, as JSON that is small: each token tells what changed since the one before it.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "engine/request.h"

namespace dsa::server {

/// Most tokens of an answer whose selections are told.
inline constexpr std::int64_t kMaxTraced = 256;

/// Of one answer.
class TraceJson {
 public:
  /// docs/serving.md, "What was selected".
  nlohmann::ordered_json push(std::int32_t choice, const Selected& selected);

 private:
  std::int64_t tokens_ = 0;
  std::map<std::int64_t, std::vector<std::int32_t>> before_;  // of each layer
};

}  // namespace dsa::server
