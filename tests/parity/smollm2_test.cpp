// The default model, dense and without an indexer: perplexity against transformers,
// greedy answers against llama.cpp.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>

#include "base/env.h"
#include "base/json.h"
#include "parity/harness.h"

namespace dsa::parity {
namespace {

// ./test fetches it; a missing file is a failure, not a skip.
std::filesystem::path default_model() {
  return env_or("DSA_TEST_MODEL", (dsa_home() / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf").string());
}

LoadOptions dense(Compute compute) { return {.compute = compute, .use_indexer = false}; }

double perplexity(Compute compute, std::span<const std::int32_t> tokens) {
  Runner model(default_model(),
               {.kernels = &choose_kernels(), .model = dense(compute), .threads = Exec::default_threads()});
  double sum = 0;
  model.visit_logits(tokens, 256, [&](std::int64_t first, TensorView<const float, 2> rows) {
    for (std::int64_t t = 0; t < rows.rows(); ++t) {
      const auto next = static_cast<std::size_t>(first + t + 1);
      if (next >= tokens.size()) break;
      double total = 0;
      const float top = *std::ranges::max_element(rows.span(t));
      for (const float logit : rows.span(t)) total += std::exp(static_cast<double>(logit - top));
      sum += std::log(total) + top - rows(t, tokens[next]);
    }
  });
  return std::exp(sum / static_cast<double>(tokens.size() - 1));
}

class SmolLM2 : public testing::TestWithParam<std::pair<Compute, double>> {};

TEST_P(SmolLM2, PerplexityIsThatOfTransformers) {
  const auto [compute, bound] = GetParam();
  const auto file = goldens() / "smollm2" / "golden.safetensors";
  auto tokens = read_ids(file, "tokens");
  auto nll = read_f32(file, "nll").values;
  ASSERT_EQ(tokens.size(), 8192U);
  ASSERT_EQ(nll.size(), 8191U);
#ifndef DSA_ALL_TOKENS
  // A minute of ./test; all of them in ./test full.
  if (compute == Compute::f32) tokens.resize(2048), nll.resize(2047);
#endif
  double sum = 0;
  for (const double v : nll) sum += v;
  const double want = std::exp(sum / static_cast<double>(nll.size())), got = perplexity(compute, tokens);
  std::printf("perplexity %.6f, transformers %.6f: %+.4f %%\n", got, want, 100 * (got / want - 1));
  EXPECT_LE(std::fabs(got / want - 1), bound);
}

INSTANTIATE_TEST_SUITE_P(
    Compute, SmolLM2, testing::Values(std::pair{Compute::f32, 0.001}, std::pair{Compute::automatic, 0.002}),
    [](const auto& info) { return info.param.first == Compute::f32 ? "f32" : "default"; });

// Llama.cpp's own tokens are fed in one pass: up to the first difference that is exactly greedy decoding,
// since logits do not depend on chunks.  Answers are equal, or first differ where llama.cpp itself saw little
// between the two tokens.
struct GreedyCase {
  Compute compute;
  int most_beyond_a_quarter;  // prompts that may first differ at a margin of 0.25 logits or more
  float largest;              // of the margins
};
class SmolLM2Greedy : public testing::TestWithParam<GreedyCase> {};

TEST_P(SmolLM2Greedy, TwentyPromptsAnswerAsLlamaCpp) {
  std::ifstream in(goldens() / "smollm2" / "prompts.json");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto prompts = parse_json(text, "prompts.json");
  const auto numbers = goldens() / "smollm2" / "prompts.safetensors";
  auto options = dense(GetParam().compute);
  options.context = 1024;
  Runner model(default_model(),
               {.kernels = &choose_kernels(), .model = options, .threads = Exec::default_threads()});
  ASSERT_EQ(prompts.size(), 20U);
  int equal = 0, beyond = 0;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto want = prompts[i].at("generated").get<std::vector<std::int32_t>>();
    auto tokens = prompts[i].at("tokens").get<std::vector<std::int32_t>>();
    const std::size_t begin = tokens.size() - 1;
    tokens.insert(tokens.end(), want.begin(), want.end() - 1);
    const auto logits = model.logits(tokens, 256);
    std::size_t step = 0;
    while (step < want.size() && best(logits.row(static_cast<std::int64_t>(begin + step))) == want[step])
      ++step;
    if (step == want.size()) {
      ++equal;
      continue;
    }
    const auto row = static_cast<std::int64_t>(step);
    const auto ids = read_i32(numbers, fmt::format("top_ids.{}", i));
    const auto theirs = read_f32(numbers, fmt::format("top_logits.{}", i));
    const auto ours =
        std::ranges::find(ids.row(row), best(logits.row(static_cast<std::int64_t>(begin + step)))) -
        ids.row(row).begin();
    ASSERT_LT(ours, ids.cols()) << "prompt " << i << " token " << step
                                << ": ours is not among llama.cpp's best four";
    const float gap = theirs.row(row)[0] - theirs.row(row)[static_cast<std::size_t>(ours)];
    std::printf("prompt %zu first differs at token %zu, margin %.3f\n", i, step, gap);
    EXPECT_LT(gap, GetParam().largest) << "prompt " << i << " token " << step;
    beyond += gap >= 0.25F ? 1 : 0;
  }
  std::printf("%d of 20 answers equal llama.cpp's, %d first differ at a margin of 0.25 or more\n", equal,
              beyond);
  EXPECT_LE(beyond, GetParam().most_beyond_a_quarter);
}

// Exact arithmetic keeps to the quarter everywhere.  The default rounds activations to int8, but for what is
// far larger than its row (ADR 0024), which llama.cpp rounds like all else: by family none to three prompts
// of twenty are beyond a quarter, one of them, of avx2, at 0.62.  How little is lost the perplexity says.
INSTANTIATE_TEST_SUITE_P(Compute, SmolLM2Greedy,
                         testing::Values(GreedyCase{Compute::f32, 0, 0.25F},
                                         GreedyCase{Compute::automatic, 4, 0.75F}),
                         [](const auto& info) {
                           return info.param.compute == Compute::f32 ? "f32" : "default";
                         });

}  // namespace
}  // namespace dsa::parity
