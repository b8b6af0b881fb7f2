#include "kernels/demo.h"

#include "kernels/quantize.h"
#include "testing/families.h"

namespace dsa {
namespace {

class DemoTest : public test::PerFamily {};

TEST_P(DemoTest, LatentsAreRoundedRowByRow) {
  for (const std::int64_t n : test::kBatchSizes)
    for (const std::int64_t dim : {1, 128, 200, 512}) {
      test::Padded<2> x({n, dim}), expected({n, dim});
      x.fill(1, 50);
      expected.fill(1, 50);
      for (std::int64_t t = 0; t < n; ++t) act_quant(expected.view().span(t), expected.view().span(t));
      Exec exec(3);
      kernels().round_latents(exec, {.x = x.view()});
      EXPECT_TRUE(test::same_bits(x.values(), expected.values())) << n << " x " << dim;
      EXPECT_TRUE(x.gaps_untouched());
    }
}

TEST_P(DemoTest, IndexHeadsAreRotatedBetweenRoundings) {
  for (const std::int64_t n : test::kBatchSizes)
    for (const std::int64_t dim : {1, 32, 128})
      for (const std::int64_t heads : {1, 3}) {
        test::Padded<2> x({n, heads * dim}), expected({n, heads * dim});
        x.fill(1);
        expected.fill(1);
        for (std::int64_t t = 0; t < n; ++t)
          for (std::int64_t h = 0; h < heads; ++h) {
            const auto head = expected.as_heads(heads).span(t, h);
            for (float& value : head) value = static_cast<float>(bf16(value));
            hadamard(head);
            for (float& value : head) value = static_cast<float>(bf16(value));
            act_quant(head, head);
          }
        Exec exec(3);
        kernels().round_index_heads(exec, {.x = x.as_heads(heads)});
        EXPECT_TRUE(test::same_bits(x.values(), expected.values())) << n << " x " << heads << " x " << dim;
        EXPECT_TRUE(x.gaps_untouched());
      }
}

DSA_FOR_EACH_FAMILY(DemoTest);

}  // namespace
}  // namespace dsa
