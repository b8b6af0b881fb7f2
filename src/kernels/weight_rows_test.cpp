// embedding, absorb_query and expand_value: the ops that read rows of a stored weight directly.
#include <fmt/format.h>

#include "base/numeric.h"
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

/// Those in which this type's products differ.
std::vector<Compute> mla_computes(DType type) {
  if (type != DType::bf16 && type != DType::f8_e4m3) return {Compute::automatic};
  return {Compute::f32, Compute::automatic, Compute::demo};
}

/// An input of a product as the family takes it.
double taken(const KernelTable& kernels, float x, DType type, Compute compute) {
  const bool rounds = compute == Compute::automatic && kernels.bf16_products &&
                      (type == DType::bf16 || type == DType::f8_e4m3);
  return rounds ? static_cast<float>(bf16(x)) : x;
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

/// n rows of both products, and what they should be, in double from what the family takes.
struct HeadProducts {
  std::int64_t n, heads, nope, value;
  WeightView kv_b;
  Compute compute;
  [[nodiscard]] std::int64_t head_rows() const { return nope + value; }

  void expect_absorbed(const KernelTable& kernels, std::uint64_t seed) const {
    test::Padded<3> whole({n, heads, nope + 2});  // nope and rope beside each other
    whole.fill(seed);
    const TensorView<const float, 3> q(whole.view().data(), {n, heads, nope}, whole.view().strides());
    test::Padded<3> out({n, heads, kv_b.cols}), expected({n, heads, kv_b.cols}), size({n, heads, kv_b.cols});
    for (std::int64_t h = 0; h < heads; ++h)
      for (std::int64_t t = 0; t < n; ++t) {
        std::vector<double> sum(usize(kv_b.cols)), magnitude(usize(kv_b.cols));
        for (std::int64_t d = 0; d < nope; ++d)
          add(row(h * head_rows() + d), taken(kernels, q(t, h, d), kv_b.type, compute), sum, magnitude);
        std::copy(sum.begin(), sum.end(), expected.view().row(t, h));
        std::copy(magnitude.begin(), magnitude.end(), size.view().row(t, h));
      }
    Exec exec(2);
    kernels.absorb_query(
        exec, {.q = q, .kv_b = kv_b, .head_rows = head_rows(), .out = out.view(), .compute = compute});
    EXPECT_TRUE(test::close(out.view(), expected.view(), test::kDotF32, size.view())) << said();
    EXPECT_TRUE(out.gaps_untouched()) << said();
  }

  void expect_expanded(const KernelTable& kernels, std::uint64_t seed) const {
    test::Padded<3> o({n, heads, kv_b.cols}), out({n, heads, value}), expected({n, heads, value}),
        size({n, heads, value});
    o.fill(seed);
    for (std::int64_t h = 0; h < heads; ++h)
      for (std::int64_t d = 0; d < value; ++d) {
        const std::vector<float> w = row(h * head_rows() + nope + d);
        for (std::int64_t t = 0; t < n; ++t) {
          double dot = 0, magnitude = 0;
          for (std::size_t r = 0; r < w.size(); ++r) {
            const double product =
                taken(kernels, o.view()(t, h, static_cast<std::int64_t>(r)), kv_b.type, compute) * w[r];
            dot += product, magnitude += std::fabs(product);
          }
          expected.view()(t, h, d) = static_cast<float>(dot);
          size.view()(t, h, d) = static_cast<float>(magnitude);
        }
      }
    Exec exec(2);
    kernels.expand_value(
        exec, {.o = o.view(), .kv_b = kv_b, .head_rows = head_rows(), .out = out.view(), .compute = compute});
    EXPECT_TRUE(test::close(out.view(), expected.view(), test::kDotF32, size.view())) << said();
    EXPECT_TRUE(out.gaps_untouched()) << said();
  }

 private:
  [[nodiscard]] std::vector<float> row(std::int64_t i) const {
    std::vector<float> w(usize(kv_b.cols));
    dequantize_row(kv_b, i, w);
    return w;
  }
  static void add(const std::vector<float>& w, double x, std::vector<double>& sum,
                  std::vector<double>& magnitude) {
    for (std::size_t r = 0; r < w.size(); ++r) sum[r] += x * w[r], magnitude[r] += std::fabs(x * w[r]);
  }
  [[nodiscard]] std::string said() const {
    return fmt::format("{} compute {} n {} nope {} value {} rank {}", name(kv_b.type),
                       static_cast<int>(compute), n, nope, value, kv_b.cols);
  }
};

TEST_P(WeightRowsTest, MlaProductsAreTheFormula) {
  for (const DType type : test::kWeightTypes)
    for (const Compute compute : mla_computes(type))
      for (const std::int64_t n : {0, 1, 2, 17}) {
        const test::TestWeight kv_b(type, kHeads * kHeadRows, rank_of(type), 4);
        const HeadProducts products{n, kHeads, kNope, kValue, kv_b.view(), compute};
        products.expect_absorbed(kernels(), 5);
        products.expect_expanded(kernels(), 6);
      }
}

TEST_P(WeightRowsTest, MlaProductsOfOddShapes) {
  // More rows than one scale, or one page, has; odd ones; ranks about 64 and 128 columns; many rows of x.
  struct Shape {
    std::int64_t nope, value, rank;
  };
  for (const DType type : {DType::bf16, DType::f8_e4m3})
    for (const Shape& s : {Shape{1, 1, 1}, Shape{33, 20, 64}, Shape{128, 16, 65}, Shape{129, 3, 127},
                           Shape{140, 130, 200}, Shape{300, 5, 129}})
      for (const std::int64_t n : {1, 12, 13, 70}) {
        const test::TestWeight kv_b(type, 2 * (s.nope + s.value), s.rank, 4);
        const HeadProducts products{n, 2, s.nope, s.value, kv_b.view(), Compute::automatic};
        products.expect_absorbed(kernels(), 7);
        products.expect_expanded(kernels(), 8);
      }
}

TEST_P(WeightRowsTest, AbsorbQueryOfFp8Blocks) {
  // Ranks of whole blocks, heads across two rows of scales, NaN in one column of the second head, a block
  // with a large scale: a single row may have its own way through them, and gives the bits of any other.
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
  for (const Compute compute : {Compute::f32, Compute::automatic}) {
    const auto absorb = [&](Exec& exec, std::int64_t first, std::int64_t count) {
      test::Padded<3> out({count, kTwo, kRank});
      kernels().absorb_query(exec, {.q = q.view().slice(first, count),
                                    .kv_b = kv_b,
                                    .head_rows = kRows,
                                    .out = out.view(),
                                    .compute = compute});
      return out.values();
    };
    test::expect_rows_independent(4, absorb);
    Exec exec(2);
    const std::vector<float> got = absorb(exec, 0, 1);
    std::vector<float> w(kRank);
    for (std::int64_t h = 0; h < kTwo; ++h) {
      std::vector<double> sum(kRank), magnitude(kRank);
      for (std::int64_t d = 0; d < kDim; ++d) {
        dequantize_row(kv_b, h * kRows + d, w);
        const double x = taken(kernels(), q.view()(0, h, d), kv_b.type, compute);
        for (std::size_t r = 0; r < w.size(); ++r) sum[r] += x * w[r], magnitude[r] += std::fabs(x * w[r]);
      }
      for (std::size_t r = 0; r < w.size(); ++r) {
        const float one = got[usize(h * kRank) + r];
        ASSERT_EQ(std::isnan(one), h == 1 && r == 300) << h << ", " << r;
        if (!std::isnan(one)) {
          ASSERT_NEAR(one, sum[r], test::kDotF32.relative * magnitude[r]) << h << ", " << r;
        }
      }
    }
  }
}

TEST_P(WeightRowsTest, RowsAreIndependent) {
  for (const DType type : {DType::bf16, DType::f8_e4m3, DType::q4_k})
    for (const Compute compute : {Compute::f32, Compute::automatic}) {
      const std::int64_t rank = rank_of(type);
      const test::TestWeight kv_b(type, kHeads * kHeadRows, rank, 7);
      test::Padded<3> q({41, kHeads, kNope});
      test::Padded<3> o({41, kHeads, rank});
      q.fill(8);
      o.fill(9);
      test::expect_rows_independent(41, [&](Exec& exec, std::int64_t first, std::int64_t count) {
        test::Padded<3> absorbed({count, kHeads, rank});
        kernels().absorb_query(exec, {.q = q.view().slice(first, count),
                                      .kv_b = kv_b.view(),
                                      .head_rows = kHeadRows,
                                      .out = absorbed.view(),
                                      .compute = compute});
        return absorbed.values();
      });
      test::expect_rows_independent(41, [&](Exec& exec, std::int64_t first, std::int64_t count) {
        test::Padded<3> value({count, kHeads, kValue});
        kernels().expand_value(exec, {.o = o.view().slice(first, count),
                                      .kv_b = kv_b.view(),
                                      .head_rows = kHeadRows,
                                      .out = value.view(),
                                      .compute = compute});
        return value.values();
      });
    }
}

DSA_FOR_EACH_FAMILY(WeightRowsTest);

}  // namespace
}  // namespace dsa
