// At which context lengths a warm-up runs, and how long at each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsa::train {

/// An indexer works at the lengths it was trained at: short contexts first, where tokens are cheap, then
/// longer ones.
class Curriculum {
 public:
  /// "2048:0.3,8192:0.7": contexts, and their shares of the tokens.  Throws Error.
  static Curriculum parse(std::string_view text);
  /// Doubling from 2,048 tokens to `context`, three quarters of the tokens at full length;
  /// one stage if it is shorter.
  static Curriculum up_to(std::int64_t context);

  /// By stage; shares add up to 1.
  [[nodiscard]] const std::vector<std::int64_t>& contexts() const { return contexts_; }
  [[nodiscard]] const std::vector<double>& shares() const { return shares_; }
  [[nodiscard]] std::int64_t longest() const { return contexts_.back(); }
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::int64_t> contexts_;
  std::vector<double> shares_;
};

}  // namespace dsa::train
