// The model that `dsa train model` made and that comes with dsa,
// against transformers (tools/goldens/trained_model.py).
#include <gtest/gtest.h>

#include <cstdio>

#include "parity/harness.h"

namespace dsa::parity {
namespace {

TEST(TrainedModel, HasTheLogitsOfTransformers) {
  const auto file = goldens() / "trained" / "tiny-v32.safetensors";
  const auto tokens = read_i32(file, "tokens").values, rows = read_i32(file, "rows").values;
  const auto want = read_f32(file, "logits");
  ASSERT_EQ(tokens.size(), 512U);  // four times its top-k
  for (const KernelTable* kernels : runnable()) {
    SCOPED_TRACE(kernels->name);
    Runner model(goldens().parent_path().parent_path() / "models" / "tiny-v32",
                 {.kernels = kernels, .model = {.compute = Compute::f32, .context = 512}});
    EXPECT_EQ(model.config().indexer->topk, 128);
    const auto all = model.logits(tokens, 64);
    Array<float> got{.shape = want.shape, .values = {}};
    for (const std::int32_t row : rows)
      got.values.insert(got.values.end(), all.row(row).begin(), all.row(row).end());
    const double worst = worst_difference(got, want);
    std::printf("tiny-v32 %s: worst difference %.2e of the logits' standard deviation\n",
                std::string(kernels->name).c_str(), worst);
    EXPECT_LE(worst, 2e-4);
  }
}

}  // namespace
}  // namespace dsa::parity
