// embedding, absorb_query and expand_value: the ops that read rows of a stored weight directly.
#include "kernels/dequantize.h"
#include "testing/families.h"

namespace dsa {
namespace {

class WeightRowsTest : public test::PerFamily {};

constexpr std::int64_t kHeads = 3;
constexpr std::int64_t kNope = 5;
constexpr std::int64_t kValue = 7;
constexpr std::int64_t kHeadRows = kNope + kValue;

std::int64_t rank_of(DType type) {
  if (is_quantized_block(type)) return traits(type).block_elements;
  return type == DType::f8_e4m3 ? 150 : 37;
}

TEST_P(WeightRowsTest, EmbeddingIsTheDequantisedRow) {
  for (const DType type : test::kWeightTypes)
    for (const std::int64_t blocks : {1, 3}) {
      const std::int64_t cols = blocks * rank_of(type);
      const test::TestWeight table(type, 11, cols, 3);
      const std::vector<std::int32_t> ids{10, 0, 5, 5, 1};
      test::Padded<2> out({5, cols});
      Exec exec(2);
      kernels().embedding(exec, {.table = table.view(), .ids = ids, .out = out.view()});
      for (std::size_t t = 0; t < ids.size(); ++t) {
        std::vector<float> expected(static_cast<std::size_t>(cols));
        dequantize_row(table.view(), ids[t], expected);
        EXPECT_TRUE(test::same_bits(out.view().span(t), expected)) << name(type) << " row " << t;
      }
      EXPECT_TRUE(out.gaps_untouched());
      test::Padded<2> none({0, cols});
      kernels().embedding(exec, {.table = table.view(), .ids = {}, .out = none.view()});
    }
}

TEST_P(WeightRowsTest, EmbeddingKeepsEveryFp8Byte) {
  std::vector<std::uint8_t> bytes(512);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  for (const float scale : {1.0F, 0.3F, 127.9F, 128.0F, 1e30F, 1e-30F, 1e-40F}) {
    const std::vector<float> scales(4, scale);
    const WeightView table{.type = DType::f8_e4m3,
                           .rows = 1,
                           .cols = 500,
                           .data = reinterpret_cast<const std::byte*>(bytes.data()),
                           .row_bytes = 500,
                           .scales = scales.data(),
                           .scale_stride = 4};
    const std::vector<std::int32_t> ids{0};
    test::Padded<2> out({1, 500});
    std::vector<float> expected(500);
    Exec exec(1);
    kernels().embedding(exec, {.table = table, .ids = ids, .out = out.view()});
    dequantize_row(table, 0, expected);
    EXPECT_TRUE(test::same_bits(out.view().span(0), expected)) << scale;
  }
}

TEST_P(WeightRowsTest, AbsorbQueryIsTheFormula) {
  for (const DType type : test::kWeightTypes)
    for (const std::int64_t n : {0, 1, 2, 17}) {
      const std::int64_t rank = rank_of(type);
      const test::TestWeight kv_b(type, kHeads * kHeadRows, rank, 4);
      test::Padded<3> whole({n, kHeads, kNope + 2});  // nope and rope beside each other
      whole.fill(5);
      const TensorView<const float, 3> q(whole.view().data(), {n, kHeads, kNope}, whole.view().strides());
      test::Padded<3> out({n, kHeads, rank});
      test::Padded<3> expected({n, kHeads, rank});
      test::Padded<3> size({n, kHeads, rank});
      std::vector<float> w(static_cast<std::size_t>(rank));
      for (std::int64_t t = 0; t < n; ++t)
        for (std::int64_t h = 0; h < kHeads; ++h) {
          std::vector<double> sum(static_cast<std::size_t>(rank));
          std::vector<double> magnitude(static_cast<std::size_t>(rank));
          for (std::int64_t d = 0; d < kNope; ++d) {
            dequantize_row(kv_b.view(), h * kHeadRows + d, w);
            for (std::size_t r = 0; r < w.size(); ++r) {
              sum[r] += static_cast<double>(q(t, h, d)) * w[r];
              magnitude[r] += std::fabs(static_cast<double>(q(t, h, d)) * w[r]);
            }
          }
          std::copy(sum.begin(), sum.end(), expected.view().row(t, h));
          std::copy(magnitude.begin(), magnitude.end(), size.view().row(t, h));
        }
      Exec exec(2);
      kernels().absorb_query(exec, {.q = q, .kv_b = kv_b.view(), .head_rows = kHeadRows, .out = out.view()});
      EXPECT_TRUE(test::close(out.view(), expected.view(), test::kDotF32, size.view()))
          << name(type) << " n " << n;
      EXPECT_TRUE(out.gaps_untouched());
    }
}

TEST_P(WeightRowsTest, AbsorbQueryOfFp8Blocks) {
  // Ranks of whole blocks, heads across two rows of scales, NaN in one column of the second head, a block
  // with a large scale: a single row has its own way through them, and gives the bits of any other.
  constexpr std::int64_t kTwo = 2, kRows = 110, kDim = 100, kRank = 384, kBlocks = kRank / kScaleBlock;
  std::vector<std::uint8_t> bytes(kTwo * kRows * kRank);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(i * 37 + i / kRank);
    if ((bytes[i] & 0x7F) == 0x7F) bytes[i] = 0;
  }
  bytes[(kRows + 10) * kRank + 300] = 0xFF;
  std::vector<float> scales(3 * kBlocks);
  for (std::size_t i = 0; i < scales.size(); ++i) scales[i] = 0.01F * static_cast<float>(i + 1);
  scales[0] = 3000;
  const WeightView kv_b{.type = DType::f8_e4m3,
                        .rows = kTwo * kRows,
                        .cols = kRank,
                        .data = reinterpret_cast<const std::byte*>(bytes.data()),
                        .row_bytes = kRank,
                        .scales = scales.data(),
                        .scale_stride = kBlocks};
  test::Padded<3> q({4, kTwo, kDim});
  q.fill(11);
  const auto absorb = [&](Exec& exec, std::int64_t first, std::int64_t count) {
    test::Padded<3> out({count, kTwo, kRank});
    kernels().absorb_query(
        exec, {.q = q.view().slice(first, count), .kv_b = kv_b, .head_rows = kRows, .out = out.view()});
    return out.values();
  };
  test::expect_rows_independent(4, absorb);
  Exec exec(2);
  const std::vector<float> got = absorb(exec, 0, 1);
  std::vector<float> w(kRank);
  for (std::int64_t h = 0; h < kTwo; ++h)
    for (std::int64_t r = 0; r < kRank; ++r) {
      double sum = 0, magnitude = 0;
      for (std::int64_t d = 0; d < kDim; ++d) {
        dequantize_row(kv_b, h * kRows + d, w);
        sum += static_cast<double>(q.view()(0, h, d)) * w[static_cast<std::size_t>(r)];
        magnitude += std::fabs(static_cast<double>(q.view()(0, h, d)) * w[static_cast<std::size_t>(r)]);
      }
      const float one = got[static_cast<std::size_t>(h * kRank + r)];
      ASSERT_EQ(std::isnan(one), h == 1 && r == 300) << h << ", " << r;
      if (!std::isnan(one)) {
        ASSERT_NEAR(one, sum, test::kDotF32.relative * magnitude) << h << ", " << r;
      }
    }
}

TEST_P(WeightRowsTest, ExpandValueIsTheFormula) {
  for (const DType type : test::kWeightTypes)
    for (const std::int64_t n : {0, 1, 2, 17}) {
      const std::int64_t rank = rank_of(type);
      const test::TestWeight kv_b(type, kHeads * kHeadRows, rank, 4);
      test::Padded<3> o({n, kHeads, rank});
      test::Padded<3> out({n, kHeads, kValue});
      test::Padded<3> expected({n, kHeads, kValue});
      test::Padded<3> size({n, kHeads, kValue});
      o.fill(6);
      std::vector<float> w(static_cast<std::size_t>(rank));
      for (std::int64_t t = 0; t < n; ++t)
        for (std::int64_t h = 0; h < kHeads; ++h)
          for (std::int64_t d = 0; d < kValue; ++d) {
            dequantize_row(kv_b.view(), h * kHeadRows + kNope + d, w);
            double dot = 0;
            double magnitude = 0;
            for (std::int64_t r = 0; r < rank; ++r) {
              dot += static_cast<double>(o.view()(t, h, r)) * w[r];
              magnitude += std::fabs(static_cast<double>(o.view()(t, h, r)) * w[r]);
            }
            size.view()(t, h, d) = static_cast<float>(magnitude);
            expected.view()(t, h, d) = static_cast<float>(dot);
          }
      Exec exec(2);
      kernels().expand_value(exec,
                             {.o = o.view(), .kv_b = kv_b.view(), .head_rows = kHeadRows, .out = out.view()});
      EXPECT_TRUE(test::close(out.view(), expected.view(), test::kDotF32, size.view()))
          << name(type) << " n " << n;
      EXPECT_TRUE(out.gaps_untouched());
    }
}

TEST_P(WeightRowsTest, RowsAreIndependent) {
  for (const DType type : {DType::bf16, DType::f8_e4m3, DType::q4_k}) {
    const std::int64_t rank = rank_of(type);
    const test::TestWeight kv_b(type, kHeads * kHeadRows, rank, 7);
    test::Padded<3> q({9, kHeads, kNope});
    test::Padded<3> o({9, kHeads, rank});
    q.fill(8);
    o.fill(9);
    test::expect_rows_independent(9, [&](Exec& exec, std::int64_t first, std::int64_t count) {
      test::Padded<3> absorbed({count, kHeads, rank});
      kernels().absorb_query(exec, {.q = q.view().slice(first, count),
                                    .kv_b = kv_b.view(),
                                    .head_rows = kHeadRows,
                                    .out = absorbed.view()});
      return absorbed.values();
    });
    test::expect_rows_independent(9, [&](Exec& exec, std::int64_t first, std::int64_t count) {
      test::Padded<3> value({count, kHeads, kValue});
      kernels().expand_value(exec, {.o = o.view().slice(first, count),
                                    .kv_b = kv_b.view(),
                                    .head_rows = kHeadRows,
                                    .out = value.view()});
      return value.values();
    });
  }
}

DSA_FOR_EACH_FAMILY(WeightRowsTest);

}  // namespace
}  // namespace dsa
