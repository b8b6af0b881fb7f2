// Hostile inputs shared by the kernels' tests: odd shapes, strides with poisoned
// gaps, misaligned weights, shuffled pages.
#pragma once

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "base/rng.h"
#include "kernels/types.h"

namespace dsa::test {

inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Rows of a batch: none, one, around the tiles that kernels like, more than a tile.
inline constexpr std::array<std::int64_t, 8> kBatchSizes{0, 1, 2, 3, 7, 8, 9, 17};
/// Widths around 8 and 16 lanes.
inline constexpr std::array<std::int64_t, 9> kWidths{1, 5, 7, 8, 9, 16, 31, 33, 130};
inline constexpr std::array kThreadCounts{1, 2, 3, 7};
/// Context lengths around pages of 64 and segments of 1024.
inline constexpr std::array<std::int64_t, 9> kContexts{1, 2, 63, 64, 65, 200, 1024, 1025, 2500};
/// No token of a context of this length.
constexpr std::array<std::int32_t, 4> bad_indices(std::int64_t ctx) {
  return {INT_MIN, -1, static_cast<std::int32_t>(ctx), INT_MAX};
}

/// Owns a strided tensor: every row of the last dimension is followed by a gap of NaN that
/// nobody may read or write.
template <std::size_t Rank>
class Padded {
 public:
  explicit Padded(std::array<std::int64_t, Rank> shape, std::int64_t gap = 3) : shape_(shape) {
    std::array<std::int64_t, Rank> strides{};
    std::int64_t stride = shape[Rank - 1] + gap;
    strides[Rank - 1] = 1;
    for (std::size_t d = Rank - 1; d-- > 0; stride *= shape[d]) strides[d] = stride;
    // One element of room in front keeps the data off every alignment but that of float.
    data_.assign(static_cast<std::size_t>(stride) + 1, kNaN);
    view_ = {data_.data() + 1, shape, strides};
  }
  Padded(const Padded&) = delete;
  Padded& operator=(const Padded&) = delete;

  [[nodiscard]] const TensorView<float, Rank>& view() const { return view_; }
  /// [n, heads * dim] as [n, heads, dim]: strided rows whose heads touch.
  [[nodiscard]] TensorView<float, 3> as_heads(std::int64_t heads) const
    requires(Rank == 2)
  {
    const std::int64_t dim = shape_[1] / heads;
    return {view_.data(), {shape_[0], heads, dim}, {view_.stride(0), dim, 1}};
  }
  /// Normal-ish values of standard deviation `scale`, the same for the same seed.
  Padded& fill(std::uint64_t seed, float scale = 1) {
    const CounterRng rng(seed);
    std::uint64_t i = 0;
    each([&](float& v) {
      double sum = 0;
      for (int k = 0; k < 4; ++k) sum += rng.unit(i++) - 0.5;
      v = static_cast<float>(sum * std::sqrt(3.0)) * scale;
    });
    return *this;
  }
  /// Rounds every element to BF16, so that a family with BF16 products multiplies what the oracle does.
  Padded& round_to_bf16() {
    each([](float& v) { v = static_cast<float>(bf16(v)); });
    return *this;
  }
  /// Rounds every element to a whole number: sums of products of small ones are exact in every family.
  Padded& round_to_whole() {
    each([](float& v) { v = std::round(v); });
    return *this;
  }
  Padded& set(float value) {
    each([&](float& v) { v = value; });
    return *this;
  }
  [[nodiscard]] std::vector<float> values() {
    std::vector<float> out;
    each([&](float& v) { out.push_back(v); });
    return out;
  }
  /// True as long as the gaps hold what the constructor wrote.
  [[nodiscard]] bool gaps_untouched() {
    std::vector<float> kept = data_;
    each([](float& v) { v = kNaN; });
    const bool clean = std::all_of(data_.begin(), data_.end(), [](float v) { return std::isnan(v); });
    data_ = std::move(kept);
    view_ = {data_.data() + 1, shape_, view_.strides()};
    return clean;
  }

 private:
  template <class F>
  void each(F f) {
    const std::int64_t cols = shape_[Rank - 1];
    if (cols == 0) return;
    for (std::int64_t flat = 0; flat < view_.size(); flat += cols) {
      std::int64_t rest = flat / cols;
      float* row = view_.data();
      for (std::size_t d = Rank - 1; d-- > 0; rest /= shape_[d]) row += rest % shape_[d] * view_.stride(d);
      std::for_each(row, row + cols, f);
    }
  }

  std::array<std::int64_t, Rank> shape_;
  std::vector<float> data_;
  TensorView<float, Rank> view_;
};

/// Owns a stored weight at an odd address, with a gap after each row and,
/// for FP8, one after each row of scales.
class TestWeight {
 public:
  TestWeight(DType type, std::int64_t rows, std::int64_t cols, std::uint64_t seed);
  [[nodiscard]] const WeightView& view() const { return view_; }

 private:
  std::vector<std::byte> data_;
  std::vector<float> scales_;
  WeightView view_;
};

/// Every type a weight may have.
inline constexpr std::array kWeightTypes{DType::f32,  DType::f16,  DType::bf16, DType::f8_e4m3, DType::q4_0,
                                         DType::q4_1, DType::q5_0, DType::q5_1, DType::q8_0,    DType::q2_k,
                                         DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k};

/// Owns a cache of several sequences whose pages are interleaved, every byte of it NaN until written.
class TestCache {
 public:
  TestCache(KvLayout layout, std::int64_t sequences, std::int64_t ctx);
  /// Random entries and keys at [0, ctx) of each sequence, rounded to the cache's type.
  void fill(std::uint64_t seed, float scale = 1);
  [[nodiscard]] const KvView& view() const { return view_; }
  [[nodiscard]] KvRow row(std::int64_t sequence, std::int64_t visible) const {
    return {tables_[static_cast<std::size_t>(sequence)].data(), visible};
  }
  /// Element i of a stored entry or key as float.
  [[nodiscard]] float entry(std::int64_t sequence, std::int64_t position, std::int64_t i) const;
  [[nodiscard]] float key(std::int64_t sequence, std::int64_t position, std::int64_t i) const;
  void set_entry(std::int64_t sequence, std::int64_t position, std::int64_t i, float value);
  void set_key(std::int64_t sequence, std::int64_t position, std::int64_t i, float value);
  [[nodiscard]] const std::vector<std::byte>& bytes() const { return data_; }

 private:
  [[nodiscard]] std::int32_t page(std::int64_t sequence, std::int64_t position) const;
  [[nodiscard]] float get(const std::byte* at) const;
  void put(std::byte* at, float value) const;

  std::vector<std::byte> data_;
  std::vector<std::vector<std::int32_t>> tables_;
  std::int64_t ctx_;
  KvView view_;
};

}  // namespace dsa::test
