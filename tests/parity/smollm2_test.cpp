// The default model, dense and without an indexer: perplexity against transformers, greedy answers against
// llama.cpp.
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

ModelOptions dense(Compute compute) {
  return {.compute = compute, .attention = AttentionMode::dense, .use_indexer = false};
}

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

TEST_P(SmolLM2, PerplexityOf8KTokensIsThatOfTransformers) {
  const auto [compute, bound] = GetParam();
  const auto file = goldens() / "smollm2" / "golden.safetensors";
  const auto tokens = read_ids(file, "tokens");
  const auto nll = read_f32(file, "nll").values;
  ASSERT_EQ(tokens.size(), 8192U);
  double sum = 0;
  for (const double v : nll) sum += v;
  const double want = std::exp(sum / static_cast<double>(nll.size())), got = perplexity(compute, tokens);
  std::printf("perplexity %.6f, transformers %.6f: %+.4f %%\n", got, want, 100 * (got / want - 1));
  EXPECT_LE(std::fabs(got / want - 1), bound);
}

INSTANTIATE_TEST_SUITE_P(
    Compute, SmolLM2, testing::Values(std::pair{Compute::f32, 0.001}, std::pair{Compute::automatic, 0.005}),
    [](const auto& info) { return info.param.first == Compute::f32 ? "f32" : "default"; });

// Equal, or first different where llama.cpp itself saw less than a quarter of a logit between the two.
TEST(SmolLM2Greedy, TwentyPromptsAnswerAsLlamaCpp) {
  std::ifstream in(goldens() / "smollm2" / "prompts.json");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto prompts = parse_json(text, "prompts.json");
  const auto numbers = goldens() / "smollm2" / "prompts.safetensors";
  Runner model(
      default_model(),
      {.kernels = &choose_kernels(), .model = dense(Compute::automatic), .threads = Exec::default_threads()});
  ASSERT_EQ(prompts.size(), 20U);
  int equal = 0;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto want = prompts[i].at("generated").get<std::vector<std::int32_t>>();
    const auto got = model.greedy(prompts[i].at("tokens").get<std::vector<std::int32_t>>(), want.size());
    const auto different = std::ranges::mismatch(got, want);
    if (different.in1 == got.end()) {
      ++equal;
      continue;
    }
    const auto step = different.in1 - got.begin();
    const auto ids = read_i32(numbers, fmt::format("top_ids.{}", i));
    const auto logits = read_f32(numbers, fmt::format("top_logits.{}", i));
    const auto ours = std::ranges::find(ids.row(step), *different.in1) - ids.row(step).begin();
    ASSERT_LT(ours, ids.cols()) << "prompt " << i << " token " << step
                                << ": ours is not among llama.cpp's best four";
    const float gap = logits.row(step)[0] - logits.row(step)[static_cast<std::size_t>(ours)];
    std::printf("prompt %zu differs at token %td, margin %.3f\n", i, step, gap);
    EXPECT_LT(gap, 0.25F) << "prompt " << i << " token " << step;
  }
  std::printf("%d of 20 answers equal llama.cpp's\n", equal);
}

}  // namespace
}  // namespace dsa::parity
