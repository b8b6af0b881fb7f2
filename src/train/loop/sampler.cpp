#include "train/loop/sampler.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/rng.h"
#include "base/who.h"

namespace dsa::train {
namespace {

// Kinds of draws, kept apart in the seed's streams.
constexpr std::uint64_t kOrders = std::uint64_t{1} << 32;
constexpr std::uint64_t kRows = std::uint64_t{2} << 32;

}  // namespace

WindowSampler::WindowSampler(std::span<const Document> documents, std::int64_t length, std::uint64_t seed)
    : documents_(documents),
      length_(length),
      seed_(seed),
      windows_(cut_windows(documents, length)),
      order_(windows_.size()) {}

Window WindowSampler::at(std::int64_t i) {
  if (const std::int64_t epoch = i / windows(); epoch != epoch_) shuffle(epoch);
  return windows_[order_[static_cast<std::size_t>(i % windows())]];
}

// Fisher, Yates 1938.
void WindowSampler::shuffle(std::int64_t epoch) {
  const CounterRng rng(seed_, kOrders + static_cast<std::uint64_t>(epoch));
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[rng.at(i) % i]);
  epoch_ = epoch;
}

std::string name_of(std::span<const Document> documents, const Window& window, std::int64_t length) {
  return fmt::format("tokens {} to {} of {}", window.first, window.first + length,
                     who(documents[window.document].path));
}

std::vector<std::int32_t> sample_rows(std::int64_t first, std::int64_t context, std::int64_t count,
                                      std::uint64_t seed, std::int64_t step) {
  DSA_CHECK(first >= 0 && first < context);
  const std::int64_t span = context - first;
  count = std::min(count, span);
  const CounterRng rng(seed, kRows + static_cast<std::uint64_t>(step));
  std::vector<std::int32_t> rows;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t from = first + span * i / count, to = first + span * (i + 1) / count;
    const auto offset = static_cast<std::int64_t>(rng.at(static_cast<std::uint64_t>(i)) %
                                                  static_cast<std::uint64_t>(to - from));
    rows.push_back(static_cast<std::int32_t>(from + offset));
  }
  return rows;
}

}  // namespace dsa::train
