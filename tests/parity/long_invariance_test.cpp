// The same promise as invariance_test.cpp, where prompts are long enough for what short ones never reach:
// attention that shares a row's segments out, long segments after the short ones, and a selection that first
// gathers candidates.  The reference has none of them: minutes, ./test full.
#include <gtest/gtest.h>

#include <utility>

#include "base/rng.h"
#include "kernels/attention.h"
#include "parity/harness.h"

namespace dsa::parity {
namespace {

constexpr std::int64_t kTokens = 4700;
// Against one thread and more rows than are ever split: all of a row's segments, and all of a selection, by
// every thread.
constexpr std::pair<int, std::int64_t> kThreadsAndChunks[] = {{2, kAttentionSplitRows}, {1, 1}, {3, 1}};
static_assert(attention_segments(kTokens) > kShortSegments + 1, "dense: long segments, and more than one");

struct Case {
  const char* model;
  std::int64_t topk = 0;  // 0: the model's own, or dense
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.model << " top-k " << c.topk; }

class LongInvariance : public testing::TestWithParam<Case> {};

TEST_P(LongInvariance, ChunksAndThreads) {
  bool ran = false;
  for (const KernelTable* kernels : runnable()) {
    if (kernels == &kRefKernels) continue;
    SCOPED_TRACE(kernels->name);
    const auto logits = [&](int threads, std::int64_t chunk) {
      Runner runner(goldens() / "models" / GetParam().model,
                    {.kernels = kernels,
                     .model = {.topk = GetParam().topk, .context = kTokens, .chunk = 512},
                     .threads = threads});
      const CounterRng rng(3);
      std::vector<std::int32_t> tokens;
      for (std::uint64_t i = 0; i < kTokens; ++i)
        tokens.push_back(
            static_cast<std::int32_t>(rng.at(i) % static_cast<std::uint64_t>(runner.config().vocab_size)));
      return runner.logits(tokens, chunk);
    };
    const auto whole = logits(1, 512);
    for (const auto& [threads, chunk] : kThreadsAndChunks)
      EXPECT_EQ(first_difference(logits(threads, chunk), whole), std::nullopt)
          << threads << " threads, chunks of " << chunk;
    ran = true;
  }
  if (!ran) GTEST_SKIP() << "this machine runs the reference alone";
}

// A selection of 600 is split too; the models' own of some twenty is not.
INSTANTIATE_TEST_SUITE_P(Models, LongInvariance,
                         testing::Values(Case{"llama_gqa"}, Case{"deepseek_v3"}, Case{"deepseek_v32"},
                                         Case{"deepseek_v32", 600}, Case{"deepseek_v32_fp8", 600},
                                         Case{"glm_moe_dsa_shared", 600}),
                         [](const auto& info) {
                           return fmt::format("{}_{}", info.param.model, info.param.topk);
                         });

}  // namespace
}  // namespace dsa::parity
