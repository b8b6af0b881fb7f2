#include "eval/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/error.h"

namespace dsa {
namespace {

// The x in [low, high] where the rising function crosses `value`.
template <class Function>
double inverse(const Function& function, double value, double low, double high) {
  for (int i = 0; i < 200 && low < high; ++i) {
    const double middle = low + (high - low) / 2;
    if (middle == low || middle == high) break;
    (function(middle) < value ? low : high) = middle;
  }
  return low;
}

double normal_quantile(double confidence) {
  return inverse([](double z) { return std::erf(z / std::numbers::sqrt2); }, confidence, 0, 40);
}

// The continued fraction of the incomplete beta function, by Lentz's method (DLMF 8.17.22).
double beta_fraction(double x, double a, double b) {
  constexpr double kTiny = 1e-300, kEnough = 1e-15;
  const auto away_from_zero = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;
  for (int m = 1; m <= 10000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double step = 0;
    for (const double term : {even, odd}) {
      d = 1 / away_from_zero(1 + term * d);
      c = away_from_zero(1 + term / c);
      step = c * d;
      value *= step;
    }
    if (std::abs(step - 1) < kEnough) break;
  }
  return value;
}

// The regularised incomplete beta function I_x(a, b).
double incomplete_beta(double x, double a, double b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  // The fraction converges fast on one side of the mean only.
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(x, a, b) / a;
  return 1 - front * beta_fraction(1 - x, b, a) / b;
}

// The mean with its interval and test, given the standard error.
PairedDifference with_error(std::int64_t n, double mean, double error) {
  PairedDifference out{.n = n, .mean = mean};
  if (n < 2) return out;
  const auto degrees = static_cast<double>(n - 1);
  const double reach = student_t_quantile(kConfidence, degrees) * error;
  out.interval = Interval{.low = mean - reach, .high = mean + reach};
  if (error > 0)
    out.p_below_zero = student_t_cdf(mean / error, degrees);
  else
    out.p_below_zero = mean < 0 ? 0 : 1;
  return out;
}

double sum(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0); }

}  // namespace

double student_t_cdf(double t, double degrees) {
  const double tail = incomplete_beta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2;
  return t < 0 ? tail : 1 - tail;
}

double student_t_quantile(double confidence, double degrees) {
  return inverse([&](double t) { return 2 * student_t_cdf(t, degrees) - 1; }, confidence, 0, 1e6);
}

Interval wilson_interval(std::int64_t successes, std::int64_t n, double confidence) {
  DSA_CHECK(n >= 1 && successes >= 0 && successes <= n);
  const auto trials = static_cast<double>(n);
  const double z = normal_quantile(confidence), p = static_cast<double>(successes) / trials;
  const double scale = 1 / (1 + z * z / trials);
  const double center = scale * (p + z * z / (2 * trials));
  const double reach = scale * z * std::sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials));
  return {.low = std::max(0.0, center - reach), .high = std::min(1.0, center + reach)};
}

double mcnemar_p_worse(std::int64_t only_first, std::int64_t only_second) {
  const std::int64_t n = only_first + only_second;
  double p = 0;
  for (std::int64_t k = only_first; k <= n; ++k) {
    const auto a = static_cast<double>(n), b = static_cast<double>(k);
    p += std::exp(std::lgamma(a + 1) - std::lgamma(b + 1) - std::lgamma(a - b + 1) - a * std::numbers::ln2);
  }
  return std::min(p, 1.0);
}

PairedDifference paired_difference(std::span<const double> differences) {
  const std::vector<double> ones(differences.size(), 1.0);
  return pooled_difference(differences, ones);
}

PairedDifference pooled_difference(std::span<const double> differences, std::span<const double> weights) {
  DSA_CHECK(differences.size() == weights.size());
  const auto n = static_cast<std::int64_t>(differences.size());
  if (n == 0) return {};
  const double total = sum(weights), ratio = sum(differences) / total;
  double squares = 0;
  for (std::size_t i = 0; i < differences.size(); ++i) {
    const double residual = differences[i] - ratio * weights[i];
    squares += residual * residual;
  }
  const auto count = static_cast<double>(n);
  const double error = n < 2 ? 0 : std::sqrt(squares / (count - 1) * count) / total;
  return with_error(n, ratio, error);
}

std::vector<double> holm(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return p_values[i]; });
  std::vector<double> adjusted(p_values.size());
  double highest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const double scaled = static_cast<double>(order.size() - rank) * p_values[order[rank]];
    highest = std::max(highest, std::min(1.0, scaled));
    adjusted[order[rank]] = highest;
  }
  return adjusted;
}

}  // namespace dsa
