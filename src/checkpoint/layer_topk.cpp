#include "checkpoint/layer_topk.h"

#include <algorithm>
#include <cmath>

#include "base/numeric.h"

namespace dsa {

LayerTopk::LayerTopk(std::vector<std::int64_t> list) : list_(std::move(list)), before_{0} {
  DSA_CHECK(!list_.empty());
  for (const std::int64_t tokens : list_) {
    DSA_CHECK(tokens >= 1);
    before_.push_back(before_.back() + tokens);
  }
  const std::int64_t layers = std::ssize(list_);
  mean_ = (before_.back() + layers / 2) / layers;
  const auto [least, most] = std::ranges::minmax(list_);
  least_ = least;
  most_ = most;
}

// Exact up to 2^53, and the same on every machine beyond: a product and a quotient, each rounded once.
double LayerTopk::scaled(std::int64_t tokens, std::int64_t mean) const {
  return static_cast<double>(tokens) * static_cast<double>(mean * std::ssize(list_)) /
         static_cast<double>(before_.back());
}

std::int64_t LayerTopk::of(std::int64_t layer, std::int64_t mean) const {
  if (uniform()) return mean;
  if (mean == mean_) return list_[usize(layer)];
  const std::int64_t end = std::llround(scaled(before_[usize(layer) + 1], mean));
  return std::clamp<std::int64_t>(end - std::llround(scaled(before_[usize(layer)], mean)), least(mean),
                                  most(mean));
}

std::int64_t LayerTopk::least(std::int64_t mean) const {
  if (uniform()) return mean;
  if (mean == mean_) return least_;
  return std::max<std::int64_t>(static_cast<std::int64_t>(std::floor(scaled(least_, mean))), 1);
}

std::int64_t LayerTopk::most(std::int64_t mean) const {
  if (uniform()) return mean;
  if (mean == mean_) return most_;  // which is rounded: a mean below it is below the exact one too
  const auto most = std::max<std::int64_t>(static_cast<std::int64_t>(std::ceil(scaled(most_, mean))), 1);
  return mean < mean_ ? most : std::max(most, most_);
}

}  // namespace dsa
