#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tensor/arena.h"
#include "tensor/buffer.h"
#include "tensor/dtype.h"
#include "tensor/view.h"

namespace dsa {
namespace {

TEST(DTypeTest, F16RoundTripsEveryValue) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = f16_to_float(static_cast<std::uint16_t>(bits));
    if (std::isnan(value)) continue;
    EXPECT_EQ(float_to_f16(value), bits) << value;
  }
}

TEST(DTypeTest, E4m3RoundTripsEveryValueAndRoundsToNearest) {
  for (int bits = 0; bits < 256; ++bits) {
    const float value = e4m3_to_float(static_cast<std::uint8_t>(bits));
    if (std::isnan(value)) continue;
    EXPECT_EQ(float_to_e4m3(value), bits) << value;
    // Halfway to the next magnitude goes to the even mantissa, just off it to the nearer one.
    const float next = e4m3_to_float(static_cast<std::uint8_t>(bits + 1));
    if ((bits & 0x7F) >= 0x7E || std::isnan(next)) continue;
    const float middle = (value + next) / 2;
    EXPECT_EQ(float_to_e4m3(middle), (bits & 1) != 0 ? bits + 1 : bits);
    EXPECT_EQ(float_to_e4m3(std::nextafter(middle, value)), bits);
    EXPECT_EQ(float_to_e4m3(std::nextafter(middle, next)), bits + 1);
  }
  EXPECT_EQ(e4m3_to_float(0x7E), 448.0F);
  EXPECT_EQ(float_to_e4m3(1e9F), 0x7E);
  EXPECT_EQ(float_to_e4m3(-std::numeric_limits<float>::infinity()), 0xFE);
  EXPECT_EQ(e4m3_to_float(1), std::ldexp(1.0F, -9));
}

TEST(DTypeTest, E8m0IsAPowerOfTwo) {
  EXPECT_EQ(e8m0_to_float(127), 1.0F);
  EXPECT_EQ(e8m0_to_float(0), std::ldexp(1.0F, -127));
  EXPECT_EQ(e8m0_to_float(1), std::ldexp(1.0F, -126));
  EXPECT_EQ(e8m0_to_float(254), std::ldexp(1.0F, 127));
  EXPECT_TRUE(std::isnan(e8m0_to_float(255)));
}

TEST(DTypeTest, Bf16RoundsToNearestEven) {
  EXPECT_EQ(bf16(1.0F).bits, 0x3F80);
  EXPECT_EQ(bf16(1.00390625F).bits, 0x3F80);  // halfway, even below
  EXPECT_EQ(bf16(1.01171875F).bits, 0x3F82);  // halfway, even above
  EXPECT_TRUE(std::isnan(static_cast<float>(bf16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_EQ(static_cast<float>(bf16(3.4e38F)), std::numeric_limits<float>::infinity());
}

TEST(DTypeTest, StorageBytesRefusesPartBlocksAndOverflow) {
  EXPECT_EQ(storage_bytes(DType::q4_1, 64), 40U);
  EXPECT_FALSE(storage_bytes(DType::q4_1, 33));
  EXPECT_FALSE(storage_bytes(DType::f32, -4));
  EXPECT_FALSE(storage_bytes(DType::f64, std::numeric_limits<std::int64_t>::max()));
}

TEST(ViewTest, StridesSlicesAndConst) {
  std::vector<float> data(24);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i);
  const TensorView<float, 3> all(data.data(), {2, 3, 4});
  EXPECT_EQ(all(1, 2, 3), 23.0F);
  const TensorView<const float, 3> tail = all.slice(1, 1);
  EXPECT_EQ(tail(0, 0, 0), 12.0F);
  const TensorView<float, 2> columns(data.data(), {4, 2}, {6, 1});
  EXPECT_EQ(columns(3, 1), 19.0F);
  EXPECT_EQ(columns.span(2)[0], 12.0F);
}

TEST(ArenaTest, GivesZeroedAlignedBytesThatStay) {
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  Arena arena;
  std::vector<std::span<std::byte>> taken;
  // Small ones, some that fill a block's end, and one larger than any block.
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{65}, 20 * kMiB, 20 * kMiB,
                                  100 * kMiB, 11 * kMiB, std::size_t{1000}}) {
    taken.push_back(arena.take(bytes, "the test"));
    ASSERT_EQ(taken.back().size(), bytes);
    if (bytes == 0) continue;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(taken.back().data()) % 64, 0U);
    EXPECT_EQ(taken.back().front(), std::byte{0});
    EXPECT_EQ(taken.back().back(), std::byte{0});
    // Whoever shared bytes with this one would find them changed.
    taken.back().front() = taken.back().back() = static_cast<std::byte>(taken.size());
  }
  const Arena moved = std::move(arena);
  for (std::size_t i = 1; i < taken.size(); ++i) {
    EXPECT_EQ(taken[i].front(), static_cast<std::byte>(i + 1));
    EXPECT_EQ(taken[i].back(), static_cast<std::byte>(i + 1));
  }
  EXPECT_THROW(Arena().take(std::size_t{1} << 62, "the test"), Error);
}

TEST(BufferTest, IsZeroedAlignedAndMovable) {
  Buffer a(1000, "test");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.data()) % 64, 0U);
  EXPECT_EQ(a.as<int>()[249], 0);
  a.as<int>()[3] = 7;
  const Buffer b = std::move(a);
  EXPECT_EQ(b.as<int>()[3], 7);
  EXPECT_EQ(Buffer().size(), 0U);
  EXPECT_THROW(Buffer(std::size_t{1} << 62, "the test"), Error);
}

}  // namespace
}  // namespace dsa
