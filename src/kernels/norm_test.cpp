#include "testing/families.h"

namespace dsa {
namespace {

class NormTest : public test::PerFamily {};

TEST_P(NormTest, RmsNormIsTheFormula) {
  for (const std::int64_t n : test::kBatchSizes)
    for (const std::int64_t dim : test::kWidths) {
      test::Padded<2> x({n, dim});
      test::Padded<2> y({n, dim});
      test::Padded<2> expected({n, dim});
      test::Padded<1> weight({dim});
      x.fill(1, 4.0F);
      weight.fill(2);
      constexpr float kEps = 1e-5F;
      for (std::int64_t t = 0; t < n; ++t) {
        double squares = 0;
        for (const float v : x.view().span(t)) squares += static_cast<double>(v) * v;
        const double inverse = 1 / std::sqrt(squares / static_cast<double>(dim) + kEps);
        for (std::int64_t i = 0; i < dim; ++i)
          expected.view()(t, i) = static_cast<float>(x.view()(t, i) * inverse * weight.view().data()[i]);
      }
      Exec exec(2);
      kernels().rms_norm(exec, {.x = x.view(), .weight = weight.view().span(), .eps = kEps, .y = y.view()});
      EXPECT_TRUE(test::close(y.view(), expected.view(), test::kElementwise)) << n << " x " << dim;
      EXPECT_TRUE(y.gaps_untouched());
      kernels().rms_norm(exec, {.x = x.view(), .weight = weight.view().span(), .eps = kEps, .y = x.view()});
      EXPECT_TRUE(test::same_bits(x.values(), y.values())) << "in place";
    }
}

TEST_P(NormTest, LayerNormIsTheFormula) {
  for (const std::int64_t n : test::kBatchSizes)
    for (const std::int64_t dim : test::kWidths) {
      test::Padded<2> x({n, dim});
      test::Padded<2> y({n, dim});
      test::Padded<2> expected({n, dim});
      test::Padded<1> weight({dim});
      test::Padded<1> bias({dim});
      x.fill(1, 4.0F);
      weight.fill(2);
      bias.fill(3);
      for (std::int64_t t = 0; t < n; ++t) {
        x.view()(t, 0) += 5;  // a mean well away from zero
        double mean = 0;
        for (const float v : x.view().span(t)) mean += v;
        mean /= static_cast<double>(dim);
        double variance = 0;
        for (const float v : x.view().span(t)) variance += (v - mean) * (v - mean);
        const double inverse = 1 / std::sqrt(variance / static_cast<double>(dim) + 1e-6F);
        for (std::int64_t i = 0; i < dim; ++i)
          expected.view()(t, i) = static_cast<float>(
              (x.view()(t, i) - mean) * inverse * weight.view().data()[i] + bias.view().data()[i]);
      }
      Exec exec(2);
      const LayerNormArgs args{.x = x.view(),
                               .weight = weight.view().span(),
                               .bias = bias.view().span(),
                               .eps = 1e-6F,
                               .y = y.view()};
      kernels().layer_norm(exec, args);
      EXPECT_TRUE(test::close(y.view(), expected.view(), test::kDotF32)) << n << " x " << dim;
      EXPECT_TRUE(y.gaps_untouched());
      auto in_place = args;
      in_place.y = x.view();
      kernels().layer_norm(exec, in_place);
      EXPECT_TRUE(test::same_bits(x.values(), y.values())) << "in place";
    }
}

TEST_P(NormTest, ZeroRowsAndNonFiniteRows) {
  test::Padded<2> x({4, 9});
  test::Padded<2> y({4, 9});
  test::Padded<1> weight({9});
  x.fill(4);
  weight.set(2);
  std::fill_n(x.view().row(0), 9, 0.0F);
  x.view()(1, 8) = test::kNaN;
  x.view()(2, 0) = test::kInf;
  Exec exec(1);
  kernels().rms_norm(exec, {.x = x.view(), .weight = weight.view().span(), .eps = 1e-6F, .y = y.view()});
  for (const float v : y.view().span(0)) EXPECT_EQ(v, 0.0F);
  for (const float v : y.view().span(1)) EXPECT_TRUE(std::isnan(v));
  EXPECT_TRUE(std::isnan(y.view()(2, 0)));  // inf * 0
  for (const float v : y.view().span(3)) EXPECT_TRUE(std::isfinite(v));
}

TEST_P(NormTest, RowsAreIndependent) {
  test::Padded<2> x({17, 130});
  test::Padded<1> weight({130});
  x.fill(5);
  weight.fill(6);
  for (const bool layer : {false, true})
    test::expect_rows_independent(17, [&](Exec& exec, std::int64_t first, std::int64_t count) {
      test::Padded<2> y({count, 130});
      const auto part = x.view().slice(first, count);
      if (layer)
        kernels().layer_norm(exec, {.x = part,
                                    .weight = weight.view().span(),
                                    .bias = weight.view().span(),
                                    .eps = 1e-6F,
                                    .y = y.view()});
      else
        kernels().rms_norm(exec, {.x = part, .weight = weight.view().span(), .eps = 1e-6F, .y = y.view()});
      return y.values();
    });
}

DSA_FOR_EACH_FAMILY(NormTest);

}  // namespace
}  // namespace dsa
