// What paired measurements allow to be said: intervals, tests, and their correction for many of them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dsa {

inline constexpr double kConfidence = 0.95;

struct Interval {
  double low = 0;
  double high = 0;
};

/// P(T <= t) of Student's distribution.
double student_t_cdf(double t, double degrees);
/// The t with P(|T| <= t) = confidence.
double student_t_quantile(double confidence, double degrees);

/// Of a share seen `successes` times in n >= 1 trials (Wilson 1927).
Interval wilson_interval(std::int64_t successes, std::int64_t n, double confidence = kConfidence);

/// McNemar's exact test that the second of two paired yes/no measurements says yes less often: the chance of
/// at least `only_first` among the pairs that differ, were both equally good.  One-sided.
double mcnemar_p_worse(std::int64_t only_first, std::int64_t only_second);

/// Of the mean of paired differences.
struct PairedDifference {
  std::int64_t n = 0;
  double mean = 0;
  std::optional<Interval> interval = {};  // by Student's t; none below two pairs
  double p_below_zero = 1;                // one-sided: the chance of a mean this low, were the true one 0
};
PairedDifference paired_difference(std::span<const double> differences);

/// sum(differences) / sum(weights), as of log-probabilities and their tokens; its interval by the linearised
/// ratio.  Weights are above 0.
PairedDifference pooled_difference(std::span<const double> differences, std::span<const double> weights);

/// Holm's step-down correction: each value to be compared with the level of the whole family.
std::vector<double> holm(std::span<const double> p_values);

}  // namespace dsa
