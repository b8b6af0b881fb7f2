#include "sampling/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <new>

#include "base/error.h"
#include "testing/cases.h"

namespace {
std::int64_t g_allocations = 0;  // of this test program, which has one thread
}

// noinline: else GCC sees a free() of what operator new returned and calls it a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++g_allocations;
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace dsa {
namespace {

using test::kInf;
using test::kNaN;
using Ids = std::vector<std::int32_t>;

std::optional<std::int32_t> greedy(std::vector<float> logits, SamplingParams p = {}, const Ids& prompt = {},
                                   const Ids& answer = {}) {
  p.temperature = 0;
  const auto vocab_size = static_cast<std::int64_t>(logits.size());
  SamplerScratch scratch(vocab_size);
  return Sampler(p, vocab_size).sample(scratch, logits, prompt, answer);
}

TEST(Sampler, GreedyTakesTheBestAndOfTiesTheLowerId) {
  EXPECT_EQ(greedy({1, 3, 2}), 1);
  EXPECT_EQ(greedy({1, 3, 2, 3}), 1);
  EXPECT_EQ(greedy({-5}), 0);
  EXPECT_EQ(greedy({kNaN, -kInf, -3e38F, kInf}), 2);
  EXPECT_EQ(greedy({kNaN, -kInf, kInf}), std::nullopt);
}

TEST(Sampler, PenaltiesSeeTheRightTokens) {
  SamplingParams repetition;
  repetition.repetition_penalty = 2;
  EXPECT_EQ(greedy({4, 3, 0}, repetition, /*prompt=*/{0}), 1);
  EXPECT_EQ(greedy({4, 3, 0}, repetition, {}, /*answer=*/{0}), 1);
  EXPECT_EQ(greedy({4, 3, 0}, repetition, {0, 0, 0}, {1}), 0) << "2, 1.5: once, however often it occurs";
  EXPECT_EQ(greedy({-1, -1.5F}, repetition, {0}), 1) << "a negative logit is multiplied";
  EXPECT_EQ(greedy({4, 3}, repetition, {-1, 2, 2147483647}), 0) << "ids outside the vocabulary are ignored";

  SamplingParams presence;
  presence.presence_penalty = 1.5;
  EXPECT_EQ(greedy({4, 3}, presence, {0}), 0) << "the prompt does not count";
  EXPECT_EQ(greedy({4, 3}, presence, {}, {0}), 1);
  EXPECT_EQ(greedy({4, 2.4F}, presence, {}, {0, 0, 0}), 0) << "once, however often";

  SamplingParams frequency;
  frequency.frequency_penalty = 0.4;
  EXPECT_EQ(greedy({4, 3}, frequency, {0, 0, 0}), 0) << "the prompt does not count";
  EXPECT_EQ(greedy({4, 3}, frequency, {}, {0, 0}), 0);
  EXPECT_EQ(greedy({4, 3}, frequency, {}, {0, 0, 0}), 1);

  SamplingParams bias;
  bias.logit_bias = {{0, -std::numeric_limits<double>::infinity()}, {2, 5}};
  EXPECT_EQ(greedy({100, 3, 0}, bias), 2);
  bias.logit_bias = {{0, 10}};
  bias.repetition_penalty = 4;  // (0 + 10) / 4 = 2.5: the bias comes first
  EXPECT_EQ(greedy({0, 2.4F}, bias, {0}), 0);
  EXPECT_EQ(greedy({0, 2.6F}, bias, {0}), 1);
}

TEST(Sampler, ScratchIsCleanAfterEveryStep) {
  SamplingParams p;
  p.temperature = 0;
  p.frequency_penalty = 1;
  p.repetition_penalty = 2;
  const Sampler sampler(p, 3);
  SamplerScratch scratch(3);
  for (int i = 0; i < 3; ++i) {
    std::vector<float> logits{4, 3, 0};
    EXPECT_EQ(sampler.sample(scratch, logits, Ids{}, Ids{0, 0}), 1);
    logits = {4, 3, 0};
    EXPECT_EQ(sampler.sample(scratch, logits, Ids{}, Ids{}), 0);
  }
}

TEST(Sampler, OneScratchServesManyRequests) {
  constexpr std::size_t kVocab = 40;
  const std::vector<Sampler> samplers{
      {{.top_k = 7, .repetition_penalty = 1.5, .seed = 1}, kVocab},
      {{.temperature = 0, .presence_penalty = 1, .frequency_penalty = 0.5}, kVocab},
      {{.top_p = 0.8, .seed = 2}, kVocab},
  };
  const Ids prompt{3, 3, 9};
  const CounterRng rng(5);
  std::vector<Ids> answers(samplers.size());
  SamplerScratch shared(kVocab);
  for (std::uint64_t step = 0; step < 30; ++step)
    for (std::size_t s = 0; s < samplers.size(); ++s) {
      std::vector<float> logits(kVocab);
      for (std::size_t i = 0; i < kVocab; ++i)
        logits[i] = static_cast<float>(rng.unit(step * kVocab + i) * 8 - 4);
      auto copy = logits;
      SamplerScratch own(kVocab);
      const auto id = samplers[s].sample(shared, logits, prompt, answers[s]);
      EXPECT_EQ(id, samplers[s].sample(own, copy, prompt, answers[s]));
      answers[s].push_back(id.value());
    }
}

// How often each id was chosen in `draws` draws; the logits are handed over anew every time.
std::map<std::int32_t, int> histogram(SamplingParams p, const std::vector<float>& logits, int draws) {
  if (!p.seed) p.seed = 1;
  const auto vocab_size = static_cast<std::int64_t>(logits.size());
  const Sampler sampler(p, vocab_size);
  SamplerScratch scratch(vocab_size);
  std::map<std::int32_t, int> out;
  const Ids answer(static_cast<std::size_t>(draws), -1);
  for (int i = 0; i < draws; ++i) {
    std::vector<float> copy = logits;
    const auto id = sampler.sample(scratch, copy, {}, std::span(answer).first(static_cast<std::size_t>(i)));
    if (!id) ADD_FAILURE() << "nothing chosen";
    ++out[id.value_or(-1)];
  }
  return out;
}

std::vector<float> logs(const std::vector<double>& probabilities) {
  std::vector<float> out;
  for (const double p : probabilities) out.push_back(static_cast<float>(std::log(p)) + 7);
  return out;
}

// Draws fit the distribution: chi-square below its one-in-a-thousand bound.  Probability 0: never drawn.
void expect_distribution(const SamplingParams& p, const std::vector<float>& logits, std::vector<double> want,
                         const char* what) {
  constexpr int kDraws = 20000;
  static constexpr double kBound[] = {0,     10.83, 13.82, 16.27,
                                      18.47, 20.52, 22.46, 24.32};  // by degrees of freedom
  double total = 0;
  for (const double w : want) total += w;
  const std::map<std::int32_t, int> got = histogram(p, logits, kDraws);
  double chi2 = 0;
  std::size_t classes = 0;
  for (std::size_t id = 0; id < want.size(); ++id) {
    const auto it = got.find(static_cast<std::int32_t>(id));
    const int n = it == got.end() ? 0 : it->second;
    if (want[id] == 0) {
      EXPECT_EQ(n, 0) << what << ": token " << id << " was to be cut";
      continue;
    }
    const double expected = kDraws * want[id] / total;
    chi2 += (n - expected) * (n - expected) / expected;
    ++classes;
  }
  EXPECT_LE(chi2, kBound[classes - 1]) << what;
}

TEST(Sampler, Distributions) {
  const std::vector<double> p{0.05, 0.4, 0.1, 0.2, 0.1, 0.15};
  const std::vector<float> logits = logs(p);
  expect_distribution({}, logits, p, "plain");
  expect_distribution({.temperature = 0.5}, logits, {0.0025, 0.16, 0.01, 0.04, 0.01, 0.0225},
                      "temperature 0.5");
  expect_distribution({.temperature = 100}, logits, {1, 1.02, 1, 1.01, 1, 1}, "temperature 100");
  expect_distribution({.top_k = 3}, logits, {0, 0.4, 0, 0.2, 0, 0.15}, "top-k 3");
  expect_distribution({.top_k = 4}, logits, {0, 0.4, 0.1, 0.2, 0, 0.15}, "top-k 4: of a tie the lower id");
  expect_distribution({.top_k = 1}, logits, {0, 1, 0, 0, 0, 0}, "top-k 1");
  expect_distribution({.top_k = 6}, logits, p, "top-k = vocabulary");
  expect_distribution({.top_k = 7}, logits, p, "top-k > vocabulary");
  expect_distribution({.top_p = 0.59}, logits, {0, 0.4, 0, 0.2, 0, 0}, "top-p 0.59");
  expect_distribution({.top_p = 0.61}, logits, {0, 0.4, 0, 0.2, 0, 0.15}, "top-p 0.61");
  expect_distribution({.top_p = 0.84}, logits, {0, 0.4, 0.1, 0.2, 0, 0.15},
                      "top-p 0.84: of a tie the lower id");
  expect_distribution({.top_p = 0}, logits, {0, 1, 0, 0, 0, 0}, "top-p 0 keeps the best");
  expect_distribution({.min_p = 0.37}, logits, {0, 0.4, 0, 0.2, 0, 0.15}, "min-p 0.37");
  expect_distribution({.min_p = 1}, logits, {0, 1, 0, 0, 0, 0}, "min-p 1");
  // After top-k 3 the rest weighs 0.75, so 0.4 + 0.2 reach top-p 0.79 of it; of the whole they would not.
  expect_distribution({.top_k = 3, .top_p = 0.79}, logits, {0, 0.4, 0, 0.2, 0, 0}, "top-p after top-k");
  // The tempered probabilities are 0.65, 0.16, 0.09, ...: top-p sees those.
  expect_distribution({.temperature = 0.5, .top_p = 0.64}, logits, {0, 1, 0, 0, 0, 0},
                      "top-p after temperature");
  expect_distribution({.temperature = 0.5, .min_p = 0.2}, logits, {0, 0.16, 0, 0.04, 0, 0},
                      "min-p after temperature");
  expect_distribution({.top_k = 5, .top_p = 0.99, .min_p = 0.3}, logits, {0, 0.4, 0, 0.2, 0, 0.15},
                      "all three");
}

TEST(Sampler, SeedsAreIndependent) {
  constexpr int kDraws = 20000;
  const std::vector<double> p{0.5, 0.25, 0.125, 0.125};
  std::vector<int> count(p.size());
  SamplerScratch scratch(4);
  for (int seed = 0; seed < kDraws; ++seed) {
    Sampler sampler({.seed = static_cast<std::uint64_t>(seed)}, 4);
    std::vector<float> logits = logs(p);
    ++count[static_cast<std::size_t>(sampler.sample(scratch, logits, {}, {}).value())];
  }
  double chi2 = 0;
  for (std::size_t i = 0; i < p.size(); ++i)
    chi2 += (count[i] - kDraws * p[i]) * (count[i] - kDraws * p[i]) / (kDraws * p[i]);
  EXPECT_LT(chi2, 16.27);
}

TEST(Sampler, SameSeedSameTokensInAnyOrder) {
  const std::vector<float> logits(50, 0.0F);
  const Ids answer(20, 3);
  SamplerScratch scratch(50);
  const auto at = [&](std::uint64_t seed, std::size_t position) {
    Sampler sampler({.seed = seed}, 50);
    std::vector<float> copy = logits;
    return *sampler.sample(scratch, copy, Ids{1, 2}, std::span(answer).first(position));
  };
  Ids forward, backward, other;
  for (std::size_t i = 0; i < 20; ++i) forward.push_back(at(7, i));
  for (std::size_t i = 20; i-- > 0;) backward.insert(backward.begin(), at(7, i));
  for (std::size_t i = 0; i < 20; ++i) other.push_back(at(8, i));
  EXPECT_EQ(forward, backward);
  EXPECT_NE(forward, other);
  Sampler a({}, 50), b({}, 50);
  EXPECT_NE(a.seed(), b.seed()) << "without a seed each sampler draws its own";
}

TEST(Sampler, NeverChoosesWhatIsNotFinite) {
  const std::vector<float> logits{kNaN, 0, -kInf, kInf, 1, -kNaN};
  for (const SamplingParams& p :
       {SamplingParams{}, SamplingParams{.temperature = 1e-45}, SamplingParams{.temperature = 100},
        SamplingParams{.top_k = 1}, SamplingParams{.top_k = 3, .top_p = 0.5}, SamplingParams{.top_p = 0},
        SamplingParams{.min_p = 1}})
    for (const auto& [id, n] : histogram(p, logits, 200)) EXPECT_TRUE(id == 1 || id == 4) << id;

  std::vector<float> none{kNaN, -kInf, kInf};
  SamplerScratch three(3), two(2);
  EXPECT_EQ(Sampler({.seed = 1}, 3).sample(three, none, {}, {}), std::nullopt);
  std::vector<float> banned{1, 2};
  constexpr double kBan = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(Sampler({.logit_bias = {{0, kBan}, {1, kBan}}}, 2).sample(two, banned, {}, {}), std::nullopt);
}

TEST(Sampler, ExtremeLogitsStayInOrder) {
  // The difference of the two overflows a float.
  EXPECT_EQ(histogram({.temperature = 1e-45}, {-3e38F, 3e38F, 0}, 50).begin()->first, 1);
  EXPECT_EQ(histogram({.temperature = 100, .top_p = 0.99}, {-3e38F, 3e38F, 0}, 50).begin()->first, 1);
  const auto flat = histogram({.temperature = 1e-45}, {2, 2, 2}, 300);
  EXPECT_EQ(flat.size(), 3U) << "equal logits stay equally likely at any temperature";
}

TEST(Sampler, RefusesWrongParametersAtConstruction) {
  EXPECT_THROW(Sampler({.temperature = -1}, 10), Error);
  EXPECT_THROW(Sampler({.logit_bias = {{10, 1}}}, 10), Error);
}

TEST(Sampler, AStepAllocatesNothing) {
  constexpr std::size_t kVocab = 5000;
  SamplingParams p{.temperature = 0.8, .top_k = 400, .top_p = 0.9, .min_p = 0.01};
  p.repetition_penalty = 1.2;
  p.presence_penalty = 0.5;
  p.frequency_penalty = 0.5;
  p.logit_bias = {{3, 1}};
  const Sampler sampler(p, kVocab);
  SamplerScratch scratch(kVocab);
  const CounterRng rng(5);
  std::vector<float> logits(kVocab);
  const Ids prompt{1, 2, 3, 4};
  Ids answer;
  answer.reserve(64);
  for (int step = 0; step < 50; ++step) {
    for (std::size_t i = 0; i < kVocab; ++i) logits[i] = static_cast<float>(rng.unit(i) * 8);
    const std::int64_t before = g_allocations;
    const auto id = sampler.sample(scratch, logits, prompt, answer);
    EXPECT_EQ(g_allocations, before);
    answer.push_back(id.value());
  }
  EXPECT_GT(g_allocations, 0) << "the counter must count";
}

}  // namespace
}  // namespace dsa
