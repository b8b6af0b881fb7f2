#include "testing/families.h"

namespace dsa {
namespace {

class MlpTest : public test::PerFamily {};

TEST_P(MlpTest, SwigluIsTheFormula) {
  for (const std::int64_t n : test::kBatchSizes)
    for (const std::int64_t dim : test::kWidths) {
      test::Padded<2> gate({n, dim});
      test::Padded<2> up({n, dim});
      test::Padded<2> out({n, dim});
      gate.fill(1, 5.0F);
      up.fill(2);
      Exec exec(2);
      kernels().swiglu(exec, {.gate = gate.view(), .up = up.view(), .out = out.view()});
      for (std::int64_t t = 0; t < n; ++t)
        for (std::int64_t i = 0; i < dim; ++i) {
          const double g = gate.view()(t, i);
          const double expected = g / (1 + std::exp(-g)) * up.view()(t, i);
          ASSERT_NEAR(out.view()(t, i), expected, 5e-7 * std::fabs(expected) + 1e-37) << t << ", " << i;
        }
      EXPECT_TRUE(out.gaps_untouched());
      kernels().swiglu(exec, {.gate = gate.view(), .up = up.view(), .out = gate.view()});
      EXPECT_TRUE(test::same_bits(gate.values(), out.values())) << "over gate";
    }
}

TEST_P(MlpTest, SwigluFarFromZero) {
  // Magnitudes where a careless exp overflows; 11 elements so that a vector family meets
  // them in body and tail.
  const std::vector<float> gates{0.0F, -0.0F, 20, 88, 89, 1e30F, -20, -87, -89, -104, -1e30F};
  test::Padded<2> gate({1, 11});
  test::Padded<2> up({1, 11});
  test::Padded<2> out({1, 11});
  std::copy(gates.begin(), gates.end(), gate.view().row(0));
  up.set(1);
  Exec exec(1);
  kernels().swiglu(exec, {.gate = gate.view(), .up = up.view(), .out = out.view()});
  for (std::size_t i = 0; i < gates.size(); ++i) {
    const double g = gates[i];
    const double expected = g / (1 + std::exp(-g));
    EXPECT_NEAR(out.view()(0, static_cast<std::int64_t>(i)), expected, 1e-6 * std::fabs(expected) + 1e-36)
        << g;
  }
}

TEST_P(MlpTest, SwigluKeepsNonFinite) {
  test::Padded<2> gate({1, 9});
  test::Padded<2> up({1, 9});
  test::Padded<2> out({1, 9});
  gate.set(1);
  up.set(1);
  gate.view()(0, 1) = gate.view()(0, 8) = test::kNaN;
  up.view()(0, 2) = test::kNaN;
  gate.view()(0, 3) = test::kInf;
  up.view()(0, 4) = -test::kInf;
  Exec exec(1);
  kernels().swiglu(exec, {.gate = gate.view(), .up = up.view(), .out = out.view()});
  for (const std::int64_t i : {1, 2, 8}) EXPECT_TRUE(std::isnan(out.view()(0, i))) << i;
  EXPECT_EQ(out.view()(0, 3), test::kInf);
  EXPECT_EQ(out.view()(0, 4), -test::kInf);
  EXPECT_TRUE(std::isfinite(out.view()(0, 0)) && std::isfinite(out.view()(0, 7)));
}

TEST_P(MlpTest, AddRowsWithAndWithoutList) {
  for (const std::int64_t n : test::kBatchSizes)
    for (const std::int64_t dim : test::kWidths) {
      test::Padded<2> x({n, dim});
      test::Padded<2> y({n, dim});
      test::Padded<2> scattered({n + 2, dim});
      x.fill(1);
      y.fill(2);
      scattered.fill(3);
      std::vector<float> expected = y.values();
      const std::vector<float> added = x.values();
      for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += added[i];
      Exec exec(2);
      kernels().add_rows(exec, {.x = x.view(), .rows = {}, .scale = {}, .y = y.view()});
      EXPECT_TRUE(test::same_bits(y.values(), expected));
      if (n == 0) continue;  // an empty list means "all rows", which an empty x does not have

      std::vector<std::int32_t> rows;
      std::vector<float> scale;
      std::vector<float> want = scattered.values();
      for (std::int64_t i = 0; i < n; ++i) {
        rows.push_back(static_cast<std::int32_t>(n + 1 - i));  // row 0 and row 1 are never named
        scale.push_back(0.5F * static_cast<float>(i) - 1);
        for (std::int64_t k = 0; k < dim; ++k) {
          float& w = want[static_cast<std::size_t>((n + 1 - i) * dim + k)];
          w = static_cast<float>(w + static_cast<double>(scale.back()) *
                                         added[static_cast<std::size_t>(i * dim + k)]);
        }
      }
      kernels().add_rows(exec, {.x = x.view(), .rows = rows, .scale = scale, .y = scattered.view()});
      const TensorView<const float, 2> expected_view(want.data(), {n + 2, dim});
      EXPECT_TRUE(
          test::close(TensorView<const float, 2>(scattered.view()), expected_view, test::kElementwise));
      EXPECT_TRUE(scattered.gaps_untouched());
    }
}

TEST_P(MlpTest, RowsAreIndependent) {
  test::Padded<2> gate({9, 130});
  test::Padded<2> up({9, 130});
  gate.fill(7);
  up.fill(8);
  test::expect_rows_independent(9, [&](Exec& exec, std::int64_t first, std::int64_t count) {
    test::Padded<2> out({count, 130});
    out.set(1);
    kernels().swiglu(
        exec,
        {.gate = gate.view().slice(first, count), .up = up.view().slice(first, count), .out = out.view()});
    kernels().add_rows(exec,
                       {.x = gate.view().slice(first, count), .rows = {}, .scale = {}, .y = out.view()});
    return out.values();
  });
}

DSA_FOR_EACH_FAMILY(MlpTest);

}  // namespace
}  // namespace dsa
