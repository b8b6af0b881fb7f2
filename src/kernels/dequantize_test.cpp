#include "kernels/dequantize.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace dsa {
namespace {

struct Case {
  DType type;
  std::vector<std::byte> blocks;
  std::vector<float> values;
};

// The file tools/goldens/gguf/make.py writes.
std::vector<Case> read_goldens() {
  std::ifstream in(DSA_SOURCE_DIR "/tests/goldens/gguf/blocks.bin", std::ios::binary);
  EXPECT_TRUE(in) << "tests/goldens/gguf/blocks.bin is missing";
  std::vector<Case> cases;
  for (std::string type; std::getline(in, type);) {
    std::uint32_t elements = 0;
    in.read(reinterpret_cast<char*>(&elements), sizeof elements);
    for (const auto& t : kDTypes) {
      if (t.name != type) continue;
      Case c{t.type, std::vector<std::byte>(storage_bytes(t.type, elements).value()),
             std::vector<float>(elements)};
      in.read(reinterpret_cast<char*>(c.blocks.data()), static_cast<std::streamsize>(c.blocks.size()));
      in.read(reinterpret_cast<char*>(c.values.data()),
              static_cast<std::streamsize>(elements * sizeof(float)));
      cases.push_back(std::move(c));
    }
  }
  return cases;
}

// A NaN's payload depends on the instruction that made it, so NaN equals NaN;
// all else bit for bit, signs of zeros included.
bool same(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

TEST(Dequantize, EveryTypeEqualsTheGgufPackageBitForBit) {
  const auto cases = read_goldens();
  ASSERT_EQ(cases.size(), 13U);
  for (const auto& c : cases) {
    std::vector<float> out(c.values.size());
    dequantize(c.type, c.blocks.data(), out);
    for (std::size_t i = 0; i < out.size(); ++i)
      ASSERT_TRUE(same(out[i], c.values[i]))
          << name(c.type) << " element " << i << ": got " << out[i] << ", gguf " << c.values[i];
  }
}

TEST(Dequantize, ReadsUnalignedBytesAndNothingBeyondTheRow) {
  for (const auto& c : read_goldens()) {
    // One block, ending where the allocation ends (ASan watches) and starting at an odd address.
    const auto& t = traits(c.type);
    std::vector<std::byte> odd(t.block_bytes + 1);
    std::memcpy(odd.data() + 1, c.blocks.data(), t.block_bytes);
    std::vector<float> out(static_cast<std::size_t>(t.block_elements));
    dequantize(c.type, odd.data() + 1, out);
    for (std::size_t i = 0; i < out.size(); ++i) ASSERT_TRUE(same(out[i], c.values[i])) << t.name;
  }
}

TEST(Dequantize, EmptyRow) {
  for (const auto& t : kDTypes)
    if (is_weight_type(t.type)) dequantize(t.type, nullptr, {});
}

TEST(Dequantize, Fp8RowTakesTheScaleOfItsBlockWithOddEdges) {
  constexpr std::int64_t kRows = 131, kCols = 257;
  std::vector<std::byte> data(kRows * kCols);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i % 0x7F);  // no NaN
  const std::vector<float> scales{0.1F, 3.0F, -7.0F, 1e-3F, 0.7F, 1e30F};  // 2 x 3, no powers of two
  const WeightView weight{.type = DType::f8_e4m3,
                          .rows = kRows,
                          .cols = kCols,
                          .data = data.data(),
                          .row_bytes = kCols,
                          .scales = scales.data(),
                          .scale_stride = 3};
  std::vector<float> out(kCols);
  for (const std::int64_t row : {0, 127, 128, 130}) {
    dequantize_row(weight, row, out);
    for (std::int64_t c = 0; c < kCols; ++c) {
      const auto byte = static_cast<std::uint8_t>(data[static_cast<std::size_t>(row * kCols + c)]);
      const float scale = scales[static_cast<std::size_t>(row / 128 * 3 + c / 128)];
      ASSERT_EQ(out[static_cast<std::size_t>(c)], e4m3_to_float(byte) * scale) << row << ", " << c;
    }
    // A slice keeps each row's own scale.
    std::vector<float> sliced(kCols);
    const std::int64_t first = row > 2 ? row - 2 : 0;
    dequantize_row(weight.row_slice(first, kRows - first), row - first, sliced);
    ASSERT_EQ(sliced, out);
  }
}

TEST(Dequantize, RowOfAQuantisedMatrix) {
  for (const auto& c : read_goldens()) {
    const auto& t = traits(c.type);
    const WeightView weight{.type = c.type,
                            .rows = static_cast<std::int64_t>(c.values.size()) / t.block_elements,
                            .cols = t.block_elements,
                            .data = c.blocks.data(),
                            .row_bytes = t.block_bytes};
    std::vector<float> out(static_cast<std::size_t>(t.block_elements));
    dequantize_row(weight, 5, out);
    for (std::size_t i = 0; i < out.size(); ++i)
      ASSERT_TRUE(same(out[i], c.values[5 * out.size() + i])) << t.name;
  }
}

TEST(Dequantize, WeightTypes) {
  EXPECT_TRUE(is_weight_type(DType::f8_e4m3));
  EXPECT_TRUE(is_weight_type(DType::q6_k));
  EXPECT_FALSE(is_weight_type(DType::i64));
  EXPECT_FALSE(is_weight_type(DType::boolean));
}

}  // namespace
}  // namespace dsa
