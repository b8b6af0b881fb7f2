// How good a selection of tokens is: what it keeps of a row's attention, beside what any other would keep.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace dsa {

/// The selections that are compared.
enum class Selector : std::uint8_t {
  indexer,
  best,    // the tokens with most attention mass
  window,  // the latest tokens, and the first four ("sinks", which much attention goes to)
  random,  // the mean over every selection of that size: topk / visible of anything
};
inline constexpr std::size_t kSelectors = 4;
inline constexpr std::array<std::string_view, kSelectors> kSelectorNames{"indexer", "best", "window",
                                                                         "random"};
inline constexpr std::int64_t kSinks = 4;

/// The share of `mass` (one value a token) that lies on the selected positions.
double kept_mass(std::span<const float> mass, std::span<const std::int32_t> selected);

/// How many positions two ascending lists share.
std::int64_t shared_positions(std::span<const std::int32_t> a, std::span<const std::int32_t> b);

/// The min(kSinks, topk - 1) first of `visible` tokens and the latest, ascending;
/// out.size() is topk, at most visible.
void select_window(std::int64_t visible, std::span<std::int32_t> out);

/// Sums over query rows; merges by addition.
struct SelectionSums {
  struct Kept {
    double mass = 0;    // of the head-mean dense attention
    double recall = 0;  // of the best selection
  };
  std::int64_t rows = 0;
  std::array<Kept, kSelectors> kept{};
  std::int64_t pairs = 0;  // rows whose row before selected too
  double overlap = 0;      // share of the selection that the row before had selected

  /// `mass`: the row's attention over its visible tokens.  `best` and `selected` (the indexer's)
  /// are ascending and of one size, fewer than visible; `before` is what the indexer
  /// selected for the row before, or empty.
  void add_row(std::span<const float> mass, std::span<const std::int32_t> best,
               std::span<const std::int32_t> selected, std::span<const std::int32_t> before);
  void add(const SelectionSums& other);

  /// Means; 0 without rows.
  [[nodiscard]] double mass(Selector selector) const;
  [[nodiscard]] double recall(Selector selector) const;
  [[nodiscard]] double mean_overlap() const;
  /// mass(indexer) / mass(best).
  [[nodiscard]] double mass_ratio() const;
};

}  // namespace dsa
