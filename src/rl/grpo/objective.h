// Group-relative policy optimisation: what a batch of answers loses, and its slope by each token's
// log-probability.  Plain numbers in, plain numbers out: whoever has a model multiplies on.
//   J = 1/N sum_i 1/|o_i| sum_t ( min(r A, clip(r, 1 - low, 1 + high) A) M - beta KL ),   loss = -J
//   r = pi / pi_old, A the answer's advantage, M its off-policy mask
//   KL = r (pi_ref / pi - log(pi_ref / pi) - 1)                  (DeepSeek-V3.2, equation 7)
// The ratio in front of KL has a gradient too: without it the estimate is right and its slope is not.  In
// closed form, d KL / d log pi = r log(pi / pi_ref).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace dsa::rl {

enum class Advantage : std::uint8_t {
  mean,       // R - mean of the group
  deviation,  // that by the group's deviation: groups that nearly agree count as much as others
};
enum class Ratio : std::uint8_t {
  token,
  sequence,  // exp(mean over an answer's tokens of log r), for all of them (GSPO)
};
enum class Average : std::uint8_t {
  sequence,  // mean over answers of the mean over tokens
  token,     // over all tokens of the batch (DAPO): long answers count for more
  constant,  // sum over tokens by answers x most tokens of one (Dr.GRPO)
};
enum class KlForm : std::uint8_t {
  unbiased,  // as above
  plain,     // without r: its slope grows without bound where pi is far below pi_ref
};

struct Objective {
  Advantage advantage = Advantage::mean;
  Ratio ratio = Ratio::token;
  Average average = Average::sequence;
  KlForm kl_form = KlForm::unbiased;
  double clip_low = 0.2, clip_high = 0.2;
  double kl = 0;  // beta; 0: no reference is needed
  /// An answer of negative advantage is left out of the policy's term, not of KL's, if the mean of
  /// log(pi_old / pi) over its tokens is above this; 0: none is.
  double off_policy = 0;
};

/// "v32", "grpo", "dapo", "dr-grpo" or "gspo", as published.  Throws Error.
Objective objective_named(std::string_view name);

/// Of a group of answers to one prompt; with `deviation` by the sample deviation + 1e-6.
std::vector<double> advantages(Advantage how, std::span<const double> rewards);
/// Whether its answers were not all worth the same: else nothing can be learnt from it.
bool has_signal(std::span<const double> rewards);

/// One answer.  All spans as long as the answer; natural logarithms, of each token given those before it.
struct ScoredAnswer {
  double advantage = 0;
  std::span<const float> now;        // of the policy that is trained
  std::span<const float> old;        // of the policy that wrote it, as the engine told them
  std::span<const float> reference;  // may be empty where kl is 0
};
/// What the sums are divided by: of the whole batch, of which answers may be a part.
struct BatchSize {
  std::int64_t answers = 0, tokens = 0;
  std::int64_t longest = 0;  // tokens that an answer may have
};

/// Sums over answers; those that are means are so over the tokens seen.
struct ObjectiveFigures {
  double loss = 0;            // this part of the batch's
  double kl = 0;              // sum over tokens of KL to the reference
  double old_kl = 0;          // sum of log(pi_old / pi)
  double largest_change = 0;  // most of |log(pi / pi_old)|
  std::int64_t tokens = 0, clipped_low = 0, clipped_high = 0;
  std::int64_t answers = 0, masked = 0;

  ObjectiveFigures& operator+=(const ObjectiveFigures& more);
};

/// Adds an answer to the figures and writes d loss / d log pi of each token to `slopes`, as long as the
/// answer.
void add_answer(const Objective& objective, const ScoredAnswer& answer, const BatchSize& batch,
                std::span<float> slopes, ObjectiveFigures& figures);

}  // namespace dsa::rl
