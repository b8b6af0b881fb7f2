// What a call's requests have taken so far, as `usage` will tell it in the end.
#pragma once

#include <cstddef>
#include <vector>

#include "accounts/price.h"
#include "engine/request.h"

namespace dsa::server {

/// Counts the tokens of each choice, and those of a prompt once.  One thread at a time.
class Tally {
 public:
  Tally(std::size_t prompts, std::size_t choices) : choices_(choices), counts_(prompts * choices) {}

  /// An event of request `prompt`.
  void take(std::size_t prompt, const Event& event);
  [[nodiscard]] const accounts::TokenCounts& total() const { return total_; }
  /// What a client has had once it has all that was said so far: a prompt counts from the first token on that
  /// is told of it.
  [[nodiscard]] accounts::TokenCounts told() const { return begun_ ? total_ : accounts::TokenCounts{}; }

 private:
  std::size_t choices_;
  std::vector<accounts::TokenCounts> counts_;  // of each choice
  accounts::TokenCounts total_;
  bool begun_ = false;
};

}  // namespace dsa::server
