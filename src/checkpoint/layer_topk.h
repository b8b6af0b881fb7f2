// How the tokens that a model selects are divided among its layers.
#pragma once

#include <cstdint>
#include <vector>

namespace dsa {

/// `index_topk` of every layer: a list, or as many tokens in each.  A value.
class LayerTopk {
 public:
  /// As many in each.
  LayerTopk() = default;
  /// One number a layer, each at least 1; not empty.
  explicit LayerTopk(std::vector<std::int64_t> list);

  [[nodiscard]] bool uniform() const { return list_.empty(); }
  [[nodiscard]] const std::vector<std::int64_t>& list() const { return list_; }
  /// Of the list, rounded to the nearest.
  [[nodiscard]] std::int64_t mean() const { return mean_; }

  /// What a layer selects where the layers select `mean` tokens on average: at the list's own mean the list;
  /// else its proportions.  The first layers together get their share of layers * mean, rounded to the
  /// nearest, and each layer what its predecessors did not: so the mean is kept exactly, but where a layer
  /// would get nothing and gets 1.
  [[nodiscard]] std::int64_t of(std::int64_t layer, std::int64_t mean) const;
  /// No layer selects fewer.
  [[nodiscard]] std::int64_t least(std::int64_t mean) const;
  /// None selects more, at this mean and at any below it.
  [[nodiscard]] std::int64_t most(std::int64_t mean) const;

  bool operator==(const LayerTopk&) const = default;

 private:
  [[nodiscard]] double scaled(std::int64_t tokens, std::int64_t mean) const;

  std::vector<std::int64_t> list_;
  std::vector<std::int64_t> before_;  // [layers + 1]: tokens of the layers before it
  std::int64_t mean_ = 0, least_ = 0, most_ = 0;
};

}  // namespace dsa
