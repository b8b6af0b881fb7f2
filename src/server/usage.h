// What an answer took, and how it was computed: the field that proves which attention ran.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "engine/request.h"
#include "server/models.h"

namespace dsa::server {

/// In whole millionths of the currency's unit.
struct AnswerCost {
  std::int64_t amount = 0;
  std::string currency;
};

/// Over the choices of one call.
class Usage {
 public:
  /// `reasoning`: of the answer's tokens.  `first`: of its prompt, whose tokens count once.
  void add(const Finished& finished, std::int64_t reasoning, bool first);
  /// docs/interfaces.md, "The server's answers".
  [[nodiscard]] nlohmann::ordered_json to_json(const ServedModel& model,
                                               const std::optional<AnswerCost>& cost) const;

 private:
  Timings total_;  // counts are added up; times are those of the first prompt
  AttentionCounters attention_;
  bool any_ = false;
};

}  // namespace dsa::server
