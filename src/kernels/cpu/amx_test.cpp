// Products of squares: the emulation against one cell in scalar C++, that against literals and the
// processor's own FMA, and where there is AMX the instructions against the emulation.
#include "kernels/cpu/amx.h"

#include <gtest/gtest.h>
#ifdef __SSE2__
#include <xmmintrin.h>
#endif

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/processor.h"
#include "testing/compare.h"

namespace dsa {
namespace {

using test::same_bits;

constexpr float kSmallest = std::numeric_limits<float>::min();  // that is normal
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<bf16> rounded(std::initializer_list<float> values) {
  std::vector<bf16> out;
  for (const float v : values) out.emplace_back(v);
  return out;
}

float cell(float c, std::initializer_list<float> a, std::initializer_list<float> b) {
  return square_cell(c, rounded(a).data(), rounded(b).data(), 2, static_cast<std::int64_t>(a.size() / 2));
}

TEST(SquareCell, AddsEvenProductsThenOddOnesThenC) {
  EXPECT_EQ(cell(1, {2, 3}, {5, 7}), 32);
  EXPECT_EQ(cell(0, {1, 2, 3, 4}, {5, 6, 7, 8}), 70);
  // In one chain 2^24 + 1 would lose the one; the odd sum keeps 1 + 1.
  EXPECT_EQ(cell(0, {0x1p12F, 1, 0, 1}, {0x1p12F, 1, 0, 1}), 0x1p24F + 2);
  // C comes last: (2^24 + 1) + -2^24 would be 0 if C were first, and so is 2^24 + 1 itself.
  EXPECT_EQ(cell(-0x1p24F, {0x1p12F, 1}, {0x1p12F, 1}), 0);
  EXPECT_EQ(cell(-0x1p24F, {0x1p12F, 2}, {0x1p12F, 1}), 2);
}

TEST(SquareCell, SubnormalsAreZeros) {
  const float small = 0x1p-127F;
  EXPECT_EQ(std::bit_cast<std::uint32_t>(cell(0, {small, 0}, {0x1p100F, 0})), 0U) << "of A";
  EXPECT_EQ(std::bit_cast<std::uint32_t>(cell(0, {0x1p100F, 0}, {small, 0})), 0U) << "of B";
  EXPECT_EQ(cell(small, {0, 0}, {0, 0}), 0) << "of C";
  EXPECT_EQ(cell(0, {0x1p-64F, 0}, {0x1p-64F, 0}), 0) << "a product";
  EXPECT_EQ(cell(0, {0x1p-63F, 0}, {0x1p-63F, 0}), kSmallest) << "the least product";
  EXPECT_EQ(cell(-1.5F * kSmallest, {0x1p-63F, 0}, {0x1p-63F, 0}), 0) << "a sum";
  EXPECT_TRUE(std::signbit(cell(-1.5F * kSmallest, {0x1p-63F, 0}, {0x1p-63F, 0})));
  EXPECT_TRUE(std::isnan(cell(0, {0, 0}, {kInfinity, 0})));
  EXPECT_EQ(cell(0, {-1, 0}, {kInfinity, 0}), -kInfinity);
}

#ifdef __SSE2__
// Where the result is near the least normal number, rounding before and after the flush differ.
TEST(SquareCell, OneProductIsTheProcessorsOwnFmaWithoutSubnormals) {
  if (!__builtin_cpu_supports("fma")) GTEST_SKIP() << "this processor has no FMA";
  std::mt19937 rng(11);
  const unsigned before = _mm_getcsr();
  int flushed = 0, least = 0;
  for (int i = 0; i < 200000; ++i) {
    const auto number = [&](int exponent) {
      return static_cast<float>(bf16(std::ldexp(static_cast<float>(rng() % 256), exponent)));
    };
    const float a = -number(-70), b = number(-74 - static_cast<int>(rng() % 20));
    // Close to 2^-126 minus the product, some units away from it.
    const auto near = std::bit_cast<std::uint32_t>(static_cast<float>(0x1p-126 - static_cast<double>(a) * b));
    const float c = std::bit_cast<float>(static_cast<std::uint32_t>(near + rng() % 5 - 2));
    float expected = 0;
    _mm_setcsr(before | 0x8040);  // flush to zero, and denormals are zeros
    __asm__ volatile(
        "vmovss %1, %%xmm1\n\tvmovss %2, %%xmm2\n\tvmovss %3, %%xmm3\n\t"
        "vfmadd231ss %%xmm1, %%xmm2, %%xmm3\n\tvmovss %%xmm3, %0"
        : "=m"(expected)
        : "m"(a), "m"(b), "m"(c)
        : "xmm1", "xmm2", "xmm3");
    _mm_setcsr(before);
    const float got = square_fma(a, b, c);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(got), std::bit_cast<std::uint32_t>(expected))
        << std::hexfloat << a << " * " << b << " + " << c;
    flushed += got == 0, least += got == kSmallest;
  }
  EXPECT_GT(flushed, 1000);
  EXPECT_GT(least, 1000);
}
#endif

/// A product of one shape with contents of its own.
struct Product {
  int rows, columns, k;
  std::vector<std::uint32_t> a, b;
  std::vector<float> c;

  Product(std::mt19937& rng, int rows_, int columns_, int k_) : rows(rows_), columns(columns_), k(k_) {
    const auto words = [](int count) { return static_cast<std::size_t>(count); };
    a.resize(words(rows * k)), b.resize(words(k * columns)), c.resize(words(rows * columns));
    for (auto* list : {&a, &b})
      for (std::uint32_t& word : *list) word = static_cast<std::uint32_t>(rng());
    for (float& value : c) value = static_cast<float>(rng() % 1000) / 7;
  }
  /// a and b as bf16 between 2^-2 and 2^6, and some of 2^-64 to 2^-56, whose products underflow, and
  /// subnormals.
  void make_bf16() {
    const auto one = [](std::uint32_t bits, std::uint32_t exponent) {
      return (bits & 0x807F) | (exponent + (exponent == 0 ? 0 : bits >> 8 & 7)) << 7;
    };
    for (auto* list : {&a, &b})
      for (std::uint32_t& word : *list) {
        const std::uint32_t exponent = word % 16 == 0 ? 0 : word % 16 < 3 ? 63 : 125;
        word = one(word >> 16, exponent) << 16 | one(word & 0xFFFF, exponent);
      }
  }
  std::vector<float> run(void (*dot)(int, int, int, const void*, const void*, void*)) const {
    std::vector<float> out = c;
    dot(rows, columns, k, a.data(), b.data(), out.data());
    return out;
  }
};

/// Calls check(product) for random shapes and contents.
template <class Check>
void for_products(const Check& check) {
  std::mt19937 rng(5);
  for (int i = 0; i < 60; ++i) {
    const auto side = [&] { return i < 5 ? 16 : 1 + static_cast<int>(rng() % 16); };
    const int rows = side(), columns = side(), k = side();
    check(Product(rng, rows, columns, k));
  }
}

TEST(Squares, TheEmulationIsTheCellToTheBit) {
  if (const auto why = refusal(this_processor(), "amx-emulated")) GTEST_SKIP() << *why;
  for_products([](Product product) {
    product.make_bf16();
    const std::vector<float> got = product.run(amx_emulated::kProbe.dot_bf16);
    const auto* a = reinterpret_cast<const bf16*>(product.a.data());
    const auto* b = reinterpret_cast<const bf16*>(product.b.data());
    std::vector<float> expected = product.c;
    for (int r = 0; r < product.rows; ++r)
      for (int n = 0; n < product.columns; ++n) {
        float& c = expected[static_cast<std::size_t>(r * product.columns + n)];
        c = square_cell(c, a + std::ptrdiff_t{2} * r * product.k, b + std::ptrdiff_t{2} * n,
                        std::int64_t{2} * product.columns, product.k);
      }
    EXPECT_TRUE(same_bits(got, expected));
  });
}

/// c + a b, b of type U.
template <class U>
std::vector<float> bytes_product(const Product& p) {
  const auto* a = reinterpret_cast<const std::int8_t*>(p.a.data());
  const auto* b = reinterpret_cast<const U*>(p.b.data());
  std::vector<float> out = p.c;
  for (int r = 0; r < p.rows; ++r)
    for (int n = 0; n < p.columns; ++n) {
      float& c = out[static_cast<std::size_t>(r * p.columns + n)];
      auto sum = std::bit_cast<std::int32_t>(c);
      for (int k = 0; k < p.k; ++k)
        for (int i = 0; i < 4; ++i) sum += a[(r * p.k + k) * 4 + i] * b[(k * p.columns + n) * 4 + i];
      c = std::bit_cast<float>(sum);
    }
  return out;
}

TEST(Squares, ProductsOfBytesAreExact) {
  if (const auto why = refusal(this_processor(), "amx-emulated")) GTEST_SKIP() << *why;
  for_products([](const Product& product) {
    EXPECT_TRUE(same_bits(product.run(amx_emulated::kProbe.dot_s8), bytes_product<std::int8_t>(product)));
    EXPECT_TRUE(same_bits(product.run(amx_emulated::kProbe.dot_s8_u8), bytes_product<std::uint8_t>(product)));
  });
}

TEST(Squares, AProcessorThatMultipliesOtherwiseIsFoundOut) {
  if (const auto why = refusal(this_processor(), "amx-emulated")) GTEST_SKIP() << *why;
  EXPECT_TRUE(same_products(amx_emulated::kProbe, amx_emulated::kProbe));
  SquareProbe other = amx_emulated::kProbe;
  other.dot_bf16 = [](int rows, int columns, int k, const void* a, const void* b, void* c) {
    amx_emulated::kProbe.dot_bf16(rows, columns, k, a, b, c);
    static_cast<float*>(c)[17] *= 1.0F + 0x1p-23F;
  };
  EXPECT_FALSE(same_products(amx_emulated::kProbe, other));
  other = amx_emulated::kProbe;
  other.dot_s8 = other.dot_s8_u8;
  EXPECT_FALSE(same_products(amx_emulated::kProbe, other));
}

TEST(Squares, TheInstructionsDoWhatTheEmulationDoes) {
  if (const auto why = refusal(this_processor(), "amx")) GTEST_SKIP() << *why;
  for_products([](Product product) {
    EXPECT_TRUE(same_bits(product.run(amx::kProbe.dot_s8), product.run(amx_emulated::kProbe.dot_s8)));
    EXPECT_TRUE(same_bits(product.run(amx::kProbe.dot_s8_u8), product.run(amx_emulated::kProbe.dot_s8_u8)));
    product.make_bf16();
    EXPECT_TRUE(same_bits(product.run(amx::kProbe.dot_bf16), product.run(amx_emulated::kProbe.dot_bf16)));
  });
}

}  // namespace
}  // namespace dsa
