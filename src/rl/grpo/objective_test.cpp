#include "rl/grpo/objective.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/rng.h"

namespace dsa::rl {
namespace {

constexpr BatchSize kAlone{.answers = 1, .tokens = 2, .longest = 4};

struct Result {
  ObjectiveFigures figures;
  std::vector<float> slopes;
};
Result of(const Objective& o, const ScoredAnswer& answer, const BatchSize& batch = kAlone) {
  Result out{.figures = {}, .slopes = std::vector<float>(answer.now.size())};
  add_answer(o, answer, batch, out.slopes, out.figures);
  return out;
}

// pi / pi_old is 1.5 and 0.5, pi / pi_ref 2 and 1.
const std::array kNow{std::log(0.3F), std::log(0.2F)};
const std::array kOld{std::log(0.2F), std::log(0.4F)};
const std::array kReference{std::log(0.15F), std::log(0.2F)};

ScoredAnswer two_tokens(double advantage) {
  return {.advantage = advantage, .now = kNow, .old = kOld, .reference = kReference};
}

TEST(GrpoObjective, OfV32IsWhatAHandComputes) {
  Objective o = objective_named("v32");
  o.kl = 0.1;
  // Token 1: min(1.5, 1.2); KL 1.5 (0.5 + log 2 - 1) = 0.289721.  Token 2: min(0.5, 0.8); KL 0.
  const Result r = of(o, two_tokens(1));
  EXPECT_NEAR(r.figures.loss, -(1.2 - 0.0289721 + 0.5) / 2, 1e-6);
  EXPECT_NEAR(r.slopes[0], 0.1 * 1.5 * std::log(2) / 2, 1e-6) << "only KL's: the ratio is clipped";
  EXPECT_NEAR(r.slopes[1], -0.5 / 2, 1e-6);
  EXPECT_EQ(r.figures.clipped_high, 1);
  EXPECT_EQ(r.figures.clipped_low, 0);
  EXPECT_NEAR(r.figures.largest_change, std::log(2), 1e-6);
  // The other way round: min(-1.5, -1.2) and min(-0.5, -0.8).
  const Result bad = of(o, two_tokens(-1));
  EXPECT_NEAR(bad.figures.loss, -(-1.5 - 0.0289721 - 0.8) / 2, 1e-6);
  EXPECT_NEAR(bad.slopes[0], (1.5 + 0.1 * 1.5 * std::log(2)) / 2, 1e-6);
  EXPECT_NEAR(bad.slopes[1], 0, 1e-6);
  EXPECT_EQ(bad.figures.clipped_low, 1);
}

TEST(GrpoObjective, OfGrpoHasThePlainKl) {
  const Result r = of(objective_named("grpo"), two_tokens(1));
  EXPECT_NEAR(r.figures.loss, -(1.2 - 0.04 * 0.193147 + 0.5) / 2, 1e-6);
  EXPECT_NEAR(r.slopes[0], 0.04 * (1 - 0.5) / 2, 1e-6);
}

TEST(GrpoObjective, OfDapoCountsTokensAndClipsHigher) {
  const Result r = of(objective_named("dapo"), two_tokens(1), {.answers = 3, .tokens = 10, .longest = 4});
  EXPECT_NEAR(r.figures.loss, -(1.28 + 0.5) / 10, 1e-6);
  EXPECT_NEAR(r.slopes[1], -0.05, 1e-6);
}

TEST(GrpoObjective, OfDrGrpoDividesByAConstant) {
  const Result r = of(objective_named("dr-grpo"), two_tokens(1), {.answers = 3, .tokens = 10, .longest = 5});
  EXPECT_NEAR(r.figures.loss, -(1.2 + 0.5) / 15, 1e-6);
  EXPECT_NEAR(r.slopes[1], -0.5 / 15, 1e-6);
}

TEST(GrpoObjective, OfGspoHasOneRatioForAnAnswer) {
  const float ratio = 1.0002F;  // inside 1 + 4e-4; both tokens' mean
  const std::array now{std::log(0.5F) + 2 * std::log(ratio), std::log(0.5F)};
  const std::array old{std::log(0.5F), std::log(0.5F)};
  const Result r = of(objective_named("gspo"), {.advantage = 2, .now = now, .old = old, .reference = {}});
  EXPECT_NEAR(r.figures.loss, -2 * 1.0002, 1e-6);
  EXPECT_NEAR(r.slopes[0], -1.0002, 1e-5);
  EXPECT_EQ(r.slopes[0], r.slopes[1]);
  const Result far = of(objective_named("gspo"), two_tokens(-1));  // sqrt(0.75) < 1 - 3e-4
  EXPECT_NEAR(far.figures.loss, 1 - 3e-4, 1e-6);
  EXPECT_EQ(far.slopes[0], 0.0F);
}

TEST(GrpoObjective, AdvantagesAreTheGroupsOwn) {
  const std::array rewards{1.0, 0.0, 0.0, 1.0, 1.0};
  const auto v32 = advantages(Advantage::mean, rewards);
  EXPECT_NEAR(v32[0], 0.4, 1e-12);
  EXPECT_NEAR(v32[1], -0.6, 1e-12);
  const auto grpo = advantages(Advantage::deviation, rewards);
  EXPECT_NEAR(grpo[0], 0.4 / std::sqrt(0.3), 1e-5);
  EXPECT_TRUE(has_signal(rewards));
  const std::array alike{0.25, 0.25, 0.25};
  EXPECT_FALSE(has_signal(alike));
  for (const auto how : {Advantage::mean, Advantage::deviation})
    for (const double a : advantages(how, alike)) EXPECT_EQ(a, 0);
  EXPECT_FALSE(has_signal({}));
  EXPECT_EQ(advantages(Advantage::deviation, std::array{3.0}), std::vector{0.0});
}

TEST(GrpoObjective, AWorseAnswerThatThePolicyHasLeftIsMasked) {
  Objective o;
  o.off_policy = 0.1;  // the mean of log(pi_old / pi) is -log(0.75) / 2 = 0.1438
  o.kl = 0.1;
  const Result masked = of(o, two_tokens(-1));
  EXPECT_EQ(masked.figures.masked, 1);
  EXPECT_NEAR(masked.figures.loss, 0.1 * 0.289721 / 2, 1e-6) << "KL's term stays";
  EXPECT_NEAR(masked.slopes[0], 0.1 * 1.5 * std::log(2) / 2, 1e-6);
  EXPECT_EQ(of(o, two_tokens(1)).figures.masked, 0) << "a better one never is";
  o.off_policy = 0.2;
  EXPECT_EQ(of(o, two_tokens(-1)).figures.masked, 0);
}

TEST(GrpoObjective, SlopesAreThoseOfTheLoss) {
  constexpr std::size_t kTokens = 6;
  constexpr BatchSize kBatch{.answers = 4, .tokens = 30, .longest = 9};
  for (const char* name : {"v32", "grpo", "dapo", "dr-grpo", "gspo"})
    for (const double kl : {0.0, 0.3})
      for (const double advantage : {0.7, -1.3})
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
          Objective o = objective_named(name);
          o.kl = kl;
          if (o.ratio == Ratio::sequence) o.clip_low = o.clip_high = 0.2;
          const CounterRng rng(seed);
          std::vector<float> now, old, reference;
          for (std::size_t t = 0; t < kTokens; ++t) {
            now.push_back(static_cast<float>(-2 * rng.unit(3 * t)));
            old.push_back(now[t] + static_cast<float>(rng.unit(3 * t + 1) - 0.5));
            reference.push_back(now[t] + static_cast<float>(rng.unit(3 * t + 2) - 0.5));
          }
          const ScoredAnswer answer{.advantage = advantage, .now = now, .old = old, .reference = reference};
          const Result r = of(o, answer, kBatch);
          for (std::size_t t = 0; t < kTokens; ++t) {
            constexpr float kStep = 1e-3F;
            const float at = now[t];
            now[t] = at + kStep;
            const Result up = of(o, answer, kBatch);
            now[t] = at - kStep;
            const Result down = of(o, answer, kBatch);
            now[t] = at;
            // On a clip's edge there is no slope.
            if (up.figures.clipped_low + up.figures.clipped_high !=
                down.figures.clipped_low + down.figures.clipped_high)
              continue;
            EXPECT_NEAR((up.figures.loss - down.figures.loss) / (2 * static_cast<double>(kStep)), r.slopes[t],
                        2e-5)
                << name << " kl " << kl << " seed " << seed << " token " << t;
          }
        }
}

// Over all tokens that pi_old might have written, KL's slope is that of KL(pi || pi_ref), although pi_old is
// neither: that is what the ratio is there for.
TEST(GrpoObjective, TheExpectedSlopeOfKlIsTheTrueOne) {
  constexpr std::size_t kTokens = 5;
  const auto distribution = [](std::uint64_t seed) {
    const CounterRng rng(seed);
    std::vector<double> p;
    double sum = 0;
    for (std::size_t i = 0; i < kTokens; ++i) sum += p.emplace_back(std::exp(2 * rng.unit(i)));
    for (double& value : p) value /= sum;
    return p;
  };
  const auto now = distribution(1), old = distribution(2), reference = distribution(3);
  const auto expected_slopes = [&](KlForm form) {
    Objective o;
    o.kl = 1;
    o.kl_form = form;
    std::vector<double> slopes(kTokens);  // by logit
    for (std::size_t y = 0; y < kTokens; ++y) {
      const std::array a{static_cast<float>(std::log(now[y]))}, b{static_cast<float>(std::log(old[y]))},
          c{static_cast<float>(std::log(reference[y]))};
      const double slope = of(o, {.advantage = 0, .now = a, .old = b, .reference = c},
                              {.answers = 1, .tokens = 1, .longest = 1})
                               .slopes[0];
      for (std::size_t i = 0; i < kTokens; ++i) slopes[i] += old[y] * slope * ((i == y ? 1 : 0) - now[i]);
    }
    return slopes;
  };
  double kl = 0;
  for (std::size_t i = 0; i < kTokens; ++i) kl += now[i] * std::log(now[i] / reference[i]);
  const auto unbiased = expected_slopes(KlForm::unbiased), plain = expected_slopes(KlForm::plain);
  double off = 0;
  for (std::size_t i = 0; i < kTokens; ++i) {
    const double exact = now[i] * (std::log(now[i] / reference[i]) - kl);
    EXPECT_NEAR(unbiased[i], exact, 1e-6);
    off = std::max(off, std::abs(plain[i] - exact));
  }
  EXPECT_GT(off, 0.01) << "the plain form would do as well: then nothing is tested here";
}

// Arm 1 pays 0.8 of the time, arm 0 0.2.
TEST(GrpoObjective, ATwoArmedBanditLearnsTheBetterArm) {
  for (const char* name : {"v32", "grpo", "dapo", "dr-grpo", "gspo"}) {
    const Objective o = objective_named(name);
    double logit = 0;  // of arm 1 above arm 0
    const auto log_prob = [&](int arm) {
      return static_cast<float>(-std::log1p(std::exp(arm == 1 ? -logit : logit)));
    };
    for (std::uint64_t step = 0; step < 200; ++step) {
      constexpr std::size_t kGroup = 8;
      const CounterRng rng(7, step);
      std::array<int, kGroup> arms{};
      std::array<double, kGroup> rewards{};
      for (std::size_t i = 0; i < kGroup; ++i) {
        arms[i] = rng.unit(2 * i) < std::exp(static_cast<double>(log_prob(1))) ? 1 : 0;
        rewards[i] = rng.unit(2 * i + 1) < (arms[i] == 1 ? 0.8 : 0.2) ? 1 : 0;
      }
      if (!has_signal(rewards)) continue;
      const auto worth = advantages(o.advantage, rewards);
      double slope = 0;
      for (std::size_t i = 0; i < kGroup; ++i) {
        const std::array now{log_prob(arms[i])};
        const Result r = of(o, {.advantage = worth[i], .now = now, .old = now, .reference = now},
                            {.answers = kGroup, .tokens = kGroup, .longest = 1});
        const double p1 = std::exp(static_cast<double>(log_prob(1)));
        slope += static_cast<double>(r.slopes[0]) * (arms[i] - p1);
      }
      logit -= 1.0 * slope;
    }
    EXPECT_GT(logit, 2) << name;
  }
}

TEST(GrpoObjective, AnUnknownNameIsAnError) {
  try {
    static_cast<void>(objective_named("ppo"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("expected v32"), std::string::npos);
  }
}

}  // namespace
}  // namespace dsa::rl
