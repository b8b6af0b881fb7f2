// Comparing what a kernel wrote with what it should have written.
#pragma once

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>

#include "tensor/view.h"

namespace dsa::test {

/// |actual - expected| <= relative * size + absolute, where size is what the caller knows of the magnitude of
/// the numbers that were added up, else the largest finite |expected| of the row.
struct Tolerance {
  double relative;
  double absolute;
};

// The one table of tolerances.  Inputs are rounded before the oracle sees them, so what is left is the order
// of float32 sums: about sqrt(length) * 2^-24 of a row's scale.
inline constexpr Tolerance kElementwise{1e-6,
                                        1e-30};    // a handful of float32 operations, exp within a few ulp
inline constexpr Tolerance kDotF32{2e-6, 1e-30};   // float32 sums of up to a few thousand products
inline constexpr Tolerance kDotQ8{4e-6, 1e-30};    // exact within a block, then float32 sums of scaled blocks
inline constexpr Tolerance kDotFp8{4e-6, 1e-30};   // the same with 128-wide blocks
inline constexpr Tolerance kSoftmax{5e-6, 1e-30};  // exp of a score that is itself a float32 dot product
inline constexpr Tolerance kSoftmaxBf16{4e-3,
                                        1e-30};  // weights rounded to BF16, above and below the fraction line
inline constexpr Tolerance kExact{0, 0};

namespace detail {

inline int kind(float v) { return std::isnan(v) ? 3 : std::isinf(v) ? (v > 0 ? 2 : 1) : 0; }

template <std::size_t Rank>
std::string coordinate(std::int64_t flat, const std::array<std::int64_t, Rank>& shape) {
  std::string out;
  for (std::size_t d = Rank; d-- > 0; flat /= shape[d])
    out = fmt::format("{}{}{}", flat % shape[d], out.empty() ? "" : ", ", out);
  return "[" + out + "]";
}

template <class T, std::size_t Rank>
T& element(const TensorView<T, Rank>& view, std::int64_t flat) {
  T* at = view.data();
  for (std::size_t d = Rank; d-- > 0; flat /= view.dim(d)) at += flat % view.dim(d) * view.stride(d);
  return *at;
}

}  // namespace detail

/// First the shapes, then the positions of infinities and NaN, then the values; names the worst coordinate.
template <std::size_t Rank>
::testing::AssertionResult close(const TensorView<const float, Rank>& actual,
                                 const TensorView<const float, Rank>& expected, Tolerance tolerance,
                                 const TensorView<const float, Rank>& size = {}) {
  if (actual.shape() != expected.shape()) return ::testing::AssertionFailure() << "shapes differ";
  const std::int64_t cols = expected.cols();
  std::int64_t kinds = 0;
  std::string first;
  double worst = 0;
  std::string worst_text;
  for (std::int64_t row = 0; row < expected.size(); row += cols) {
    double scale = 0;
    for (std::int64_t i = row; i < row + cols; ++i) {
      const float a = detail::element(actual, i);
      const float e = detail::element(expected, i);
      if (std::isfinite(e)) scale = std::max(scale, std::fabs(static_cast<double>(e)));
      if (detail::kind(a) == detail::kind(e)) continue;
      if (kinds++ == 0)
        first = fmt::format("{}: {} instead of {}", detail::coordinate(i, expected.shape()), a, e);
    }
    for (std::int64_t i = row; i < row + cols; ++i) {
      const float a = detail::element(actual, i);
      const float e = detail::element(expected, i);
      if (!std::isfinite(a) || !std::isfinite(e) || a == e) continue;
      const double unit = size.empty() ? scale : detail::element(size, i);
      const double allowed = tolerance.relative * unit + tolerance.absolute;
      const double error = std::fabs(static_cast<double>(a) - e);
      const double share = allowed > 0 ? error / allowed : HUGE_VAL;
      if (share <= worst) continue;
      worst = share;
      worst_text = fmt::format("{}: {:.9g} instead of {:.9g}, error {:.3g}, allowed {:.3g}",
                               detail::coordinate(i, expected.shape()), a, e, error, allowed);
    }
  }
  if (kinds > 0)
    return ::testing::AssertionFailure()
           << kinds << " elements differ in being finite, inf or NaN; " << first;
  if (worst > 1) return ::testing::AssertionFailure() << "worst at " << worst_text;
  return ::testing::AssertionSuccess();
}

template <std::size_t Rank>
::testing::AssertionResult close(const TensorView<float, Rank>& actual,
                                 const TensorView<float, Rank>& expected, Tolerance tolerance,
                                 const TensorView<float, Rank>& size = {}) {
  return close(TensorView<const float, Rank>(actual), TensorView<const float, Rank>(expected), tolerance,
               TensorView<const float, Rank>(size));
}

/// Every element has the same bits (so -0 is not +0); any NaN equals any NaN.
inline ::testing::AssertionResult same_bits(std::span<const float> actual, std::span<const float> expected) {
  if (actual.size() != expected.size())
    return ::testing::AssertionFailure() << actual.size() << " elements instead of " << expected.size();
  for (std::size_t i = 0; i < actual.size(); ++i)
    if (std::bit_cast<std::uint32_t>(actual[i]) != std::bit_cast<std::uint32_t>(expected[i]) &&
        !(std::isnan(actual[i]) && std::isnan(expected[i])))
      return ::testing::AssertionFailure()
             << fmt::format("element {}: {:.9g} instead of {:.9g}", i, actual[i], expected[i]);
  return ::testing::AssertionSuccess();
}

}  // namespace dsa::test
