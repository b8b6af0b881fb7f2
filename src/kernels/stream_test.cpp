#include "kernels/stream.h"

#include <limits>

#include "testing/families.h"

namespace dsa {
namespace {

class StreamTest : public test::PerFamily {};

TEST_P(StreamTest, RowsAreGatheredInAnyOrderAndMoreThanOnce) {
  for (const std::int64_t dim : test::kWidths) {
    test::Padded<2> x({40, dim});
    x.fill(1);
    std::vector<std::int32_t> rows{39, 0, 7, 7};
    for (std::int32_t i = 0; i < 30; ++i) rows.push_back((i * 11) % 40);
    for (const std::size_t m : {std::size_t{0}, std::size_t{1}, rows.size()}) {
      test::Padded<2> y({static_cast<std::int64_t>(m), dim});
      Exec exec(2);
      kernels().gather_rows(exec, {.x = x.view(), .rows = std::span(rows).first(m), .y = y.view()});
      for (std::size_t i = 0; i < m; ++i)
        ASSERT_TRUE(test::same_bits(y.view().span(static_cast<std::int64_t>(i)), x.view().span(rows[i])));
      EXPECT_TRUE(y.gaps_untouched());
    }
  }
}

TEST_P(StreamTest, EveryNumberIsScaledOnce) {
  for (const std::int64_t n : test::kBatchSizes)
    for (const std::int64_t dim : test::kWidths) {
      test::Padded<2> x({n, dim});
      x.fill(1);
      std::vector<float> expected = x.values();
      for (float& value : expected) value *= 0.3F;
      Exec exec(2);
      kernels().scale_rows(exec, {.x = x.view(), .factor = 0.3F});
      EXPECT_TRUE(test::same_bits(x.values(), expected));
      EXPECT_TRUE(x.gaps_untouched());
    }
}

TEST_P(StreamTest, ZeroIsZeroOverAnything) {
  for (const std::int64_t n : test::kBatchSizes) {
    test::Padded<2> x({n, 33});
    x.set(test::kNaN);
    Exec exec(2);
    kernels().zero_rows(exec, {.x = x.view()});
    for (const float value : x.values()) EXPECT_EQ(value, 0);
  }
}

TEST_P(StreamTest, OnlyInfinitiesAndNaNsAreMarked) {
  constexpr float kMost = std::numeric_limits<float>::max();
  for (const std::int64_t dim : test::kWidths)
    for (std::int64_t at = 0; at < dim; ++at) {
      const std::vector<float> values{
          1,     kMost,      -kMost,      std::numeric_limits<float>::denorm_min(),
          -0.0F, test::kInf, -test::kInf, test::kNaN};
      const auto n = static_cast<std::int64_t>(values.size());
      test::Padded<2> x({n, dim});
      x.set(-kMost);
      for (std::int64_t t = 0; t < n; ++t) x.view()(t, at) = values[static_cast<std::size_t>(t)];
      std::vector<std::int32_t> found(values.size(), -1);
      Exec exec(2);
      kernels().mark_not_finite(exec, {.x = x.view(), .mark = 3, .found = found});
      EXPECT_EQ(found, (std::vector<std::int32_t>{-1, -1, -1, -1, -1, 3, 3, 3})) << at << " of " << dim;
    }
}

TEST_P(StreamTest, TheFirstMarkStays) {
  test::Padded<2> x({20, 9});
  x.set(1);
  x.view()(2, 8) = test::kNaN;
  std::vector<std::int32_t> found(20, -1);
  Exec exec(2);
  kernels().mark_not_finite(exec, {.x = x.view(), .mark = 0, .found = found});
  x.set(test::kInf);
  kernels().mark_not_finite(exec, {.x = x.view(), .mark = 1, .found = found});
  std::vector<std::int32_t> expected(20, 1);
  expected[2] = 0;
  EXPECT_EQ(found, expected);
}

DSA_FOR_EACH_FAMILY(StreamTest);

}  // namespace
}  // namespace dsa
