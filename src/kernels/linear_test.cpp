#include <fmt/format.h>

#include "base/numeric.h"
#include "kernels/dequantize.h"
#include "kernels/quantize.h"
#include "testing/families.h"

namespace dsa {
namespace {

class LinearTest : public test::PerFamily {
 protected:
  /// y = x W^T through the family, packed first if it packs.
  static void run(Exec& exec, const TensorView<const float, 2>& x, std::span<const LinearOutput> outputs,
                  Compute compute) {
    std::vector<std::byte> scratch(linear_scratch_bytes(x.rows(), x.cols()));
    kernels().linear(exec, {.x = x, .outputs = outputs, .compute = compute, .scratch = scratch});
  }
};

/// A weight in the family's own layout, where it has one.
class Packed {
 public:
  Packed(const KernelTable& kernels, WeightView weight) : view_(weight) {
    Exec exec(2);
    const std::size_t bytes = kernels.packed_bytes(weight);
    if (bytes == 0) return;
    bytes_.resize(bytes + 64);
    void* at = bytes_.data();
    std::size_t space = bytes_.size();
    std::align(64, bytes, at, space);
    const std::span<std::byte> out(static_cast<std::byte*>(at), bytes);
    kernels.pack(exec, weight, out);
    view_.packed = out.data();
    view_.data = nullptr;  // what is packed needs its source no more
  }
  [[nodiscard]] const WeightView& view() const { return view_; }

 private:
  std::vector<std::byte> bytes_;
  WeightView view_;
};

/// x as the family rounds it for this type.
std::vector<float> rounded(const KernelTable& kernels, std::span<const float> x, DType type,
                           Compute compute) {
  std::vector<float> out(x.begin(), x.end());
  if (compute == Compute::f32) return out;
  if (type == DType::f8_e4m3 && compute == Compute::demo) act_quant(out, out);
  const bool by_bf16 = type == DType::bf16 || type == DType::f8_e4m3;
  if (by_bf16 && compute == Compute::automatic && kernels.bf16_products)
    for (float& v : out) v = static_cast<float>(bf16(v));
  if (!is_quantized_block(type)) return out;
  std::vector<std::int8_t> q(x.size());
  std::vector<float> scale(x.size() / 32);
  std::vector<float> sum(x.size() / 32);
  std::vector<float> rest(x.size());
  std::vector<Aside> asides(x.size());
  asides.resize(usize(set_aside(x, aside_limit(x), 0, 0, rest, asides)));
  q8_blocks(rest, q, scale, sum);
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = scale[i / 32] * static_cast<float>(q[i]);
  for (const Aside& aside : asides) out[usize(aside.k)] = aside.x;
  return out;
}

/// In double, from rounded x and dequantised weights.
void oracle(const KernelTable& kernels, const TensorView<const float, 2>& x, const WeightView& weight,
            std::span<const float> bias, Compute compute, const TensorView<float, 2>& y,
            const TensorView<float, 2>& size) {
  std::vector<float> w(static_cast<std::size_t>(weight.cols));
  for (std::int64_t o = 0; o < weight.rows; ++o) {
    dequantize_row(weight, o, w);
    for (std::int64_t t = 0; t < x.rows(); ++t) {
      const auto from = rounded(kernels, x.span(t), weight.type, compute);
      double dot = bias.empty() ? 0 : bias[o];
      double magnitude = std::fabs(dot);
      for (std::size_t k = 0; k < w.size(); ++k) {
        dot += static_cast<double>(from[k]) * w[k];
        magnitude += std::fabs(static_cast<double>(from[k]) * w[k]);
      }
      y(t, o) = static_cast<float>(dot);
      size(t, o) = static_cast<float>(magnitude);
    }
  }
}

/// Those that differ for this type.
std::vector<Compute> computes_of(DType type) {
  if (is_quantized_block(type)) return {Compute::f32, Compute::automatic};
  if (type == DType::f8_e4m3) return {Compute::f32, Compute::automatic, Compute::demo};
  if (type == DType::bf16) return {Compute::f32, Compute::automatic};
  return {Compute::automatic};
}

std::vector<std::int64_t> inputs_of(DType type) {
  const std::int64_t block = traits(type).block_elements;
  if (block > 1) return {block, 3 * block};
  if (type == DType::f8_e4m3) return {1, 5, 128, 130, 256, 300};
  return {1, 5, 32, 62, 130, 256};
}

test::Tolerance tolerance_of(DType type, Compute compute) {
  if (compute == Compute::f32) return test::kDotF32;
  return is_quantized_block(type) ? test::kDotQ8 : type == DType::f8_e4m3 ? test::kDotFp8 : test::kDotF32;
}

TEST_P(LinearTest, EveryTypeAndOddShapes) {
  Exec exec(2);
  for (const DType type : test::kWeightTypes)
    for (const Compute compute : computes_of(type))
      for (const std::int64_t in : inputs_of(type))
        for (const std::int64_t out : {1, 7, 8, 9, 33})
          for (const std::int64_t n : {1, 2, 9, 17}) {
            const test::TestWeight weight(type, out, in, 5);
            const Packed packed(kernels(), weight.view());
            test::Padded<2> x({n, in});
            test::Padded<2> y({n, out});
            test::Padded<2> expected({n, out});
            test::Padded<2> size({n, out});
            test::Padded<1> bias({out});
            x.fill(3, 2.0F);
            bias.fill(4);
            const std::span<const float> no_bias;
            const auto b = n == 2 ? no_bias : std::span<const float>(bias.view().span());
            oracle(kernels(), x.view(), weight.view(), b, compute, expected.view(), size.view());
            // Compute::f32 reads what is stored; packing belongs to the automatic arithmetic, or both.
            const LinearOutput output{
                .weight = compute == Compute::f32 ? weight.view() : packed.view(), .bias = b, .y = y.view()};
            run(exec, x.view(), {&output, 1}, compute);
            ASSERT_TRUE(test::close(y.view(), expected.view(), tolerance_of(type, compute), size.view()))
                << name(type) << " compute " << static_cast<int>(compute) << ": " << n << " x " << in
                << " -> " << out;
            ASSERT_TRUE(y.gaps_untouched()) << name(type);
          }
}

// One element of a row, or three, fifty times as large as the others: on every place of a unit in turn.
void put_outliers(test::Padded<2>& x, std::int64_t rows, std::int64_t in) {
  for (std::int64_t t = 0; t < rows; ++t)
    for (std::int64_t i = 0; i < (t % 2 == 0 ? 1 : 3); ++i)
      x.view()(t, (t * 37 + i * 5) % in) = t % 3 == 0 ? -50.0F : 50.0F;
}

TEST_P(LinearTest, WhatIsFarLargerThanItsRowIsNotRounded) {
  constexpr std::int64_t kRows = 70, kOut = 19;
  Exec exec(2);
  for (const DType type : test::kWeightTypes) {
    if (!is_quantized_block(type)) continue;
    const std::int64_t in = 2 * std::max<std::int64_t>(traits(type).block_elements, 128);
    const test::TestWeight weight(type, kOut, in, 21);
    const Packed packed(kernels(), weight.view());
    test::Padded<2> x({kRows, in}), y({kRows, kOut}), z({kRows, kOut}), expected({kRows, kOut}),
        size({kRows, kOut});
    x.fill(22);
    put_outliers(x, kRows, in);
    oracle(kernels(), x.view(), weight.view(), {}, Compute::automatic, expected.view(), size.view());
    const LinearOutput as_stored{.weight = weight.view(), .bias = {}, .y = y.view()};
    run(exec, x.view(), {&as_stored, 1}, Compute::automatic);
    EXPECT_TRUE(test::close(y.view(), expected.view(), test::kDotQ8, size.view())) << name(type);

    const LinearOutput as_packed{.weight = packed.view(), .bias = {}, .y = z.view()};
    run(exec, x.view(), {&as_packed, 1}, Compute::automatic);
    EXPECT_TRUE(test::same_bits(z.values(), y.values())) << name(type);
    for (const std::int64_t t : {0, 1, 33, 69}) {  // alone as in company
      const LinearOutput alone{.weight = packed.view(), .bias = {}, .y = z.view().slice(0, 1)};
      run(exec, x.view().slice(t, 1), {&alone, 1}, Compute::automatic);
      EXPECT_TRUE(test::same_bits(z.view().span(0), y.view().span(t))) << name(type) << " row " << t;
    }

    // What it is for: the exact product, as if the outlier were not there.
    oracle(kernels(), x.view(), weight.view(), {}, Compute::f32, expected.view(), size.view());
    double error = 0, coarse = 0;
    for (std::int64_t t = 0; t < kRows; ++t) {
      std::vector<std::int8_t> q(usize(in));
      std::vector<float> scale(usize(in / 32)), sum(usize(in / 32)), w(usize(in));
      q8_blocks(x.view().span(t), q, scale, sum);
      for (std::int64_t o = 0; o < kOut; ++o) {
        dequantize_row(weight.view(), o, w);
        double rounded = 0;
        for (std::size_t k = 0; k < w.size(); ++k)
          rounded += static_cast<double>(scale[k / 32]) * q[k] * w[k];
        error += std::pow(y.view()(t, o) - expected.view()(t, o), 2);
        coarse += std::pow(rounded - expected.view()(t, o), 2);
      }
    }
    EXPECT_LT(error, 0.05 * coarse) << name(type);
  }
}

TEST_P(LinearTest, PackingChangesNoBit) {
  Exec exec(2);
  for (const DType type : test::kWeightTypes) {
    const test::TestWeight weight(type, 19, 512, 8);
    const Packed packed(kernels(), weight.view());
    test::Padded<2> x({3, 512});
    test::Padded<2> y({3, 19});
    test::Padded<2> z({3, 19});
    x.fill(9);
    const LinearOutput as_stored{.weight = weight.view(), .bias = {}, .y = y.view()};
    const LinearOutput as_packed{.weight = packed.view(), .bias = {}, .y = z.view()};
    run(exec, x.view(), {&as_stored, 1}, Compute::automatic);
    run(exec, x.view(), {&as_packed, 1}, Compute::automatic);
    EXPECT_TRUE(test::same_bits(z.values(), y.values())) << name(type);
  }
}

TEST_P(LinearTest, AnOutputDoesNotDependOnWhichOthersThereAre) {
  Exec exec(2);
  for (const DType type : test::kWeightTypes) {
    const test::TestWeight weight(type, 21, 256, 31);
    for (const Compute compute : computes_of(type))
      for (const std::int64_t n : {1, 3, 8}) {
        test::Padded<2> x({n, 256}), all({n, 21});
        x.fill(32);
        const LinearOutput whole{.weight = weight.view(), .bias = {}, .y = all.view()};
        run(exec, x.view(), {&whole, 1}, compute);
        for (const std::int64_t count : {1, 3, 6, 17, 20}) {
          test::Padded<2> some({n, count});
          const LinearOutput part{.weight = weight.view().row_slice(0, count), .bias = {}, .y = some.view()};
          run(exec, x.view(), {&part, 1}, compute);
          for (std::int64_t t = 0; t < n; ++t)
            EXPECT_TRUE(test::same_bits(some.view().span(t), all.view().span(t).first(usize(count))))
                << name(type) << " compute " << static_cast<int>(compute) << ": " << count << " of 21, row "
                << t;
        }
      }
  }
}

TEST_P(LinearTest, Fp8RowSlicesKeepTheirScales) {
  // 130 x 150: two scale blocks a side, both ragged.  Row 127 and row 128 use different scales.
  Exec exec(2);
  const test::TestWeight weight(DType::f8_e4m3, 130, 150, 12);
  test::Padded<2> x({2, 150});
  x.fill(13);
  for (const Compute compute : {Compute::f32, Compute::automatic, Compute::demo}) {
    test::Padded<2> expected({2, 130});
    test::Padded<2> size({2, 130});
    oracle(kernels(), x.view(), weight.view(), {}, compute, expected.view(), size.view());
    for (const std::int64_t first : {0, 1, 100, 127, 128, 129})
      for (const std::int64_t count : {std::int64_t{1}, std::int64_t{2}, 130 - first}) {
        if (first + count > 130) continue;
        test::Padded<2> y({2, count});
        const LinearOutput output{.weight = weight.view().row_slice(first, count), .bias = {}, .y = y.view()};
        run(exec, x.view(), {&output, 1}, compute);
        const TensorView<float, 2> want(expected.view().data() + first, {2, count},
                                        expected.view().strides());
        const TensorView<float, 2> want_size(size.view().data() + first, {2, count}, size.view().strides());
        ASSERT_TRUE(test::close(y.view(), want, test::kDotFp8, want_size)) << first << " + " << count;
      }
  }
}

TEST_P(LinearTest, Fp8EveryByteAndAnyScale) {
  // Every value of the format, NaN in the last two rows (a whole block, the ragged one), scales from one end
  // of float32 to the other.
  constexpr std::int64_t kRows = 6, kCols = 1300, kBlocks = 11;
  Exec exec(2);
  std::vector<std::uint8_t> bytes(kRows * kCols);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(i * 37);
    if ((bytes[i] & 0x7F) == 0x7F) bytes[i] = 0;
  }
  bytes[4 * kCols + 777] = 0x7F;
  bytes[5 * kCols + 1299] = 0xFF;
  for (const auto& scale : {std::array{1e-3F, 0.7F}, std::array{127.9F, 128.0F}, std::array{1e-20F, 3e-21F},
                            std::array{1e20F, 7e30F}}) {
    std::vector<float> scales;
    for (std::size_t i = 0; i < kBlocks; ++i) scales.push_back(scale[i % 2]);
    const WeightView weight{.type = DType::f8_e4m3,
                            .rows = kRows,
                            .cols = kCols,
                            .data = reinterpret_cast<const std::byte*>(bytes.data()),
                            .row_bytes = kCols,
                            .scales = scales.data(),
                            .scale_stride = kBlocks};
    for (const Compute compute : computes_of(DType::f8_e4m3))
      for (const std::int64_t n : {1, 2, 4, 9}) {
        test::Padded<2> x({n, kCols});
        test::Padded<2> y({n, kRows});
        test::Padded<2> expected({n, kRows});
        test::Padded<2> size({n, kRows});
        x.fill(40);
        oracle(kernels(), x.view(), weight, {}, compute, expected.view(), size.view());
        const LinearOutput output{.weight = weight, .bias = {}, .y = y.view()};
        run(exec, x.view(), {&output, 1}, compute);
        const test::Tolerance tolerance{test::kDotFp8.relative, 0};
        EXPECT_TRUE(test::close(y.view(), expected.view(), tolerance, size.view()))
            << scale[0] << " compute " << static_cast<int>(compute) << " n " << n;
        for (std::int64_t t = 0; t < n; ++t)
          for (std::int64_t o = 0; o < kRows; ++o) EXPECT_EQ(std::isnan(y.view()(t, o)), o >= 4);
      }
  }
}

TEST_P(LinearTest, OutputsOfDifferentTypesShareX) {
  Exec exec(2);
  constexpr std::array kTypes{DType::q4_k, DType::f8_e4m3, DType::f16,
                              DType::q8_0, DType::q6_k,    DType::f8_e4m3};
  test::Padded<2> x({5, 256});
  x.fill(21);
  std::vector<std::unique_ptr<test::TestWeight>> weights;
  std::vector<std::unique_ptr<test::Padded<2>>> y;
  std::vector<LinearOutput> outputs;
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    const auto out = static_cast<std::int64_t>(3 * i);  // the first has none
    weights.push_back(std::make_unique<test::TestWeight>(kTypes[i], out, 256, i));
    y.push_back(std::make_unique<test::Padded<2>>(std::array<std::int64_t, 2>{5, out}));
    outputs.push_back({.weight = weights.back()->view(), .bias = {}, .y = y.back()->view()});
  }
  run(exec, x.view(), outputs, Compute::demo);
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    test::Padded<2> expected({5, outputs[i].weight.rows});
    test::Padded<2> size({5, outputs[i].weight.rows});
    oracle(kernels(), x.view(), weights[i]->view(), {}, Compute::demo, expected.view(), size.view());
    EXPECT_TRUE(
        test::close(y[i]->view(), expected.view(), tolerance_of(kTypes[i], Compute::demo), size.view()))
        << i;
  }
}

// An indexer's projections beside q, k and v: one region, the bits of several.
TEST_P(LinearTest, OutputsOfDifferentTypesHaveTheBitsOfEachAlone) {
  constexpr std::array kTypes{DType::q4_1, DType::bf16, DType::q8_0, DType::bf16, DType::q4_1};
  constexpr std::array<std::int64_t, 5> kOut{40, 7, 33, 130, 0};
  Exec exec(3);
  for (const Compute compute : {Compute::automatic, Compute::f32})
    for (const std::int64_t n : {1, 2, 5, 70}) {
      SCOPED_TRACE(fmt::format("{} rows, compute {}", n, static_cast<int>(compute)));
      test::Padded<2> x({n, 320});
      x.fill(21);
      x.view()(n - 1, 40) = 100;  // set aside
      std::vector<std::unique_ptr<test::TestWeight>> weights;
      std::vector<std::unique_ptr<test::Padded<2>>> together, alone;
      std::vector<LinearOutput> outputs;
      for (std::size_t i = 0; i < kTypes.size(); ++i) {
        const std::array<std::int64_t, 2> shape{n, kOut[i]};
        weights.push_back(std::make_unique<test::TestWeight>(kTypes[i], kOut[i], 320, i));
        together.push_back(std::make_unique<test::Padded<2>>(shape));
        alone.push_back(std::make_unique<test::Padded<2>>(shape));
        outputs.push_back({.weight = weights.back()->view(), .bias = {}, .y = together.back()->view()});
      }
      run(exec, x.view(), outputs, compute);
      for (std::size_t i = 0; i < kTypes.size(); ++i) {
        outputs[i].y = alone[i]->view();
        run(exec, x.view(), {&outputs[i], 1}, compute);
        EXPECT_TRUE(test::same_bits(alone[i]->values(), together[i]->values())) << name(kTypes[i]);
      }
    }
}

TEST_P(LinearTest, ComputesThatRoundNothingAgree) {
  // F32 has one arithmetic; FP8 rounds x in Compute::demo, FP8 and BF16 to BF16 in Compute::automatic where
  // the family multiplies so, and there it must make a difference.
  Exec exec(1);
  for (const DType type : {DType::f32, DType::bf16, DType::f8_e4m3}) {
    const test::TestWeight weight(type, 9, 256, 30);
    test::Padded<2> x({2, 256});
    x.fill(31);
    const auto result = [&](Compute compute) {
      test::Padded<2> y({2, 9});
      const LinearOutput output{.weight = weight.view(), .bias = {}, .y = y.view()};
      run(exec, x.view(), {&output, 1}, compute);
      return y.values();
    };
    const bool as_f32 = type == DType::f32 || !kernels().bf16_products;
    EXPECT_EQ(static_cast<bool>(test::same_bits(result(Compute::automatic), result(Compute::f32))), as_f32)
        << name(type);
    EXPECT_EQ(static_cast<bool>(test::same_bits(result(Compute::demo), result(Compute::f32))),
              type != DType::f8_e4m3)
        << name(type);
  }
}

TEST_P(LinearTest, NothingToDo) {
  Exec exec(2);
  const test::TestWeight weight(DType::q8_0, 4, 32, 1);
  test::Padded<2> x({0, 32});
  test::Padded<2> y({0, 4});
  const LinearOutput output{.weight = weight.view(), .bias = {}, .y = y.view()};
  run(exec, x.view(), {&output, 1}, Compute::automatic);
  test::Padded<2> some({3, 32});
  run(exec, some.view(), {}, Compute::automatic);
  EXPECT_TRUE(y.gaps_untouched());
}

TEST_P(LinearTest, NonFiniteRowsStayAlone) {
  Exec exec(2);
  for (const DType type : test::kWeightTypes)
    for (const Compute compute : computes_of(type)) {
      const test::TestWeight weight(type, 9, 256, 2);
      test::Padded<2> x({3, 256});
      test::Padded<2> y({3, 9});
      test::Padded<2> alone({1, 9});
      x.fill(3);
      x.view()(0, 200) = test::kNaN;
      x.view()(2, 10) = test::kInf;
      const LinearOutput all{.weight = weight.view(), .bias = {}, .y = y.view()};
      const LinearOutput one{.weight = weight.view(), .bias = {}, .y = alone.view()};
      run(exec, x.view(), {&all, 1}, compute);
      run(exec, x.view().slice(1, 1), {&one, 1}, compute);
      for (std::int64_t o = 0; o < 9; ++o) {
        EXPECT_FALSE(std::isfinite(y.view()(0, o))) << name(type) << " " << o;
        EXPECT_FALSE(std::isfinite(y.view()(2, o))) << name(type) << " " << o;
      }
      EXPECT_TRUE(test::same_bits(y.view().span(1), alone.view().span(0))) << name(type);
    }
}

TEST_P(LinearTest, RowsAreIndependent) {
  for (const DType type : test::kWeightTypes)
    for (const Compute compute : computes_of(type)) {
      const test::TestWeight weight(type, 33, 512, 5);
      const Packed packed(kernels(), weight.view());
      test::Padded<2> x({10, 512});
      x.fill(6);
      SCOPED_TRACE(name(type));
      test::expect_rows_independent(10, [&](Exec& exec, std::int64_t first, std::int64_t count) {
        test::Padded<2> y({count, 33});
        const LinearOutput output{
            .weight = compute == Compute::f32 ? weight.view() : packed.view(), .bias = {}, .y = y.view()};
        run(exec, x.view().slice(first, count), {&output, 1}, compute);
        return y.values();
      });
    }
}

// More rows than a cache or registers hold at once, longer than a panel: each as it is alone, and right.
TEST_P(LinearTest, ManyLongRowsHaveTheBitsOfOne) {
  constexpr std::int64_t kRows = 150, kIn = 3010, kOut = 37;
  Exec exec(2);
  for (const DType type : {DType::f32, DType::f16, DType::bf16, DType::f8_e4m3})
    for (const Compute compute : computes_of(type)) {
      SCOPED_TRACE(fmt::format("{} compute {}", name(type), static_cast<int>(compute)));
      const test::TestWeight weight(type, kOut, kIn, 5);
      test::Padded<2> x({kRows, kIn}), y({kRows, kOut}), one({1, kOut}), expected({1, kOut}), size({1, kOut});
      test::Padded<1> bias({kOut});
      x.fill(6);
      bias.fill(7);
      const LinearOutput all{.weight = weight.view(), .bias = bias.view().span(), .y = y.view()};
      run(exec, x.view(), {&all, 1}, compute);
      for (const std::int64_t t : {0, 5, 6, 15, 16, 59, 60, 63, 64, 95, 96, 143, 144, 149}) {
        const LinearOutput alone{.weight = weight.view(), .bias = bias.view().span(), .y = one.view()};
        run(exec, x.view().slice(t, 1), {&alone, 1}, compute);
        EXPECT_TRUE(test::same_bits(one.view().span(0), y.view().span(t))) << "row " << t;
        oracle(kernels(), x.view().slice(t, 1), weight.view(), alone.bias, compute, expected.view(),
               size.view());
        EXPECT_TRUE(test::close(one.view(), expected.view(), tolerance_of(type, compute), size.view()))
            << "row " << t;
      }
    }
}

// Sixteen rows at a time, what is left of them, and one: in all families with AVX-512 the bits of `avx512`.
TEST_P(LinearTest, BlocksTimesManyRowsHaveOneArithmeticWithAvx512) {
  const bool wide = kernels().name.starts_with("avx512") || kernels().name.starts_with("amx");
  constexpr std::int64_t kRows = 37, kIn = 768, kOut = 33;
  Exec exec(1);
  for (const DType type : test::kWeightTypes) {
    if (!is_quantized_block(type)) continue;
    SCOPED_TRACE(name(type));
    const test::TestWeight weight(type, kOut, kIn, 5);
    const Packed packed(kernels(), weight.view());
    test::Padded<2> x({kRows, kIn});
    x.fill(8);
    x.view()(20, 300) = test::kInf;
    const auto result = [&](const KernelTable& table, const WeightView& w, std::int64_t first,
                            std::int64_t count) {
      test::Padded<2> y({count, kOut});
      const LinearOutput output{.weight = w, .bias = {}, .y = y.view()};
      std::vector<std::byte> scratch(linear_scratch_bytes(count, kIn));
      table.linear(exec, {.x = x.view().slice(first, count),
                          .outputs = {&output, 1},
                          .compute = Compute::automatic,
                          .scratch = scratch});
      return y.values();
    };
    const auto together = result(kernels(), packed.view(), 0, kRows);
    EXPECT_TRUE(test::same_bits(result(kernels(), weight.view(), 0, kRows), together)) << "not packed";
    if (wide) {
      EXPECT_TRUE(test::same_bits(result(kAvx512Kernels, packed.view(), 0, kRows), together));
    }
    for (const std::int64_t t : {0, 15, 16, 20, 36})
      EXPECT_TRUE(test::same_bits(result(kernels(), packed.view(), t, 1),
                                  std::span(together).subspan(static_cast<std::size_t>(t * kOut), kOut)))
          << "row " << t;
  }
}

DSA_FOR_EACH_FAMILY(LinearTest);

}  // namespace
}  // namespace dsa
