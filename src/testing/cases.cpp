#include "testing/cases.h"

#include <cstring>
#include <utility>

#include "base/error.h"

namespace dsa::test {
namespace {

/// Offsets of the f16 scales in a block; the rest of a block may be any bytes.
std::vector<std::size_t> half_offsets(DType type) {
  switch (type) {
    case DType::q4_1:
    case DType::q5_1:
    case DType::q4_k:
    case DType::q5_k:
      return {0, 2};
    case DType::q2_k:
      return {80, 82};
    case DType::q3_k:
      return {108};
    case DType::q6_k:
      return {208};
    default:
      return {0};
  }
}

void store_half(std::byte* at, double value) {
  const std::uint16_t bits = float_to_f16(static_cast<float>(value));
  std::memcpy(at, &bits, sizeof bits);
}

void store_plain(DType type, std::byte* at, float value) {
  if (type == DType::f32) std::memcpy(at, &value, sizeof value);
  if (type == DType::f16) store_half(at, value);
  if (type == DType::bf16) {
    const bf16 rounded{value};
    std::memcpy(at, &rounded, sizeof rounded);
  }
  if (type == DType::f8_e4m3) *at = static_cast<std::byte>(float_to_e4m3(64 * value));
}

}  // namespace

TestWeight::TestWeight(DType type, std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
  const DTypeTraits& t = traits(type);
  const auto used = storage_bytes(type, cols);
  DSA_CHECK(used.has_value());
  const std::size_t row_bytes = *used + 5;  // the gap also changes the alignment from row to row
  data_.assign(static_cast<std::size_t>(rows) * row_bytes + 1, std::byte{0xFF});
  view_ = {.type = type, .rows = rows, .cols = cols, .data = data_.data() + 1, .row_bytes = row_bytes};
  const CounterRng rng(seed, static_cast<std::uint64_t>(type));
  std::uint64_t counter = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    std::byte* row = data_.data() + 1 + static_cast<std::size_t>(r) * row_bytes;
    for (std::size_t offset = 0; offset < *used; offset += t.block_bytes) {
      std::byte* block = row + offset;
      if (!is_quantized_block(type)) {
        store_plain(type, block, static_cast<float>(2 * rng.unit(counter++) - 1));
        continue;
      }
      for (std::size_t i = 0; i < t.block_bytes; ++i)
        block[i] = static_cast<std::byte>(rng.at(counter++) & 0xFF);
      for (const std::size_t at : half_offsets(type))
        store_half(block + at, 0.02 * (rng.unit(counter++) - 0.3));
    }
  }
  if (type != DType::f8_e4m3) return;
  const std::int64_t blocks = (cols + kScaleBlock - 1) / kScaleBlock;
  view_.scale_stride = blocks + 2;
  scales_.assign(static_cast<std::size_t>((rows + kScaleBlock - 1) / kScaleBlock * view_.scale_stride), kNaN);
  for (std::size_t i = 0; i < scales_.size(); ++i)
    if (static_cast<std::int64_t>(i) % view_.scale_stride < blocks)
      scales_[i] = static_cast<float>(0.001 + 0.01 * rng.unit(counter++));
  view_.scales = scales_.data();
}

TestCache::TestCache(KvLayout layout, std::int64_t sequences, std::int64_t ctx) : ctx_(ctx) {
  const std::int64_t pages = (ctx + kPageTokens - 1) / kPageTokens;
  std::vector<std::int32_t> order(static_cast<std::size_t>(pages * sequences));
  std::iota(order.begin(), order.end(), 0);
  const CounterRng rng(99);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.at(i) % i]);
  for (std::int64_t s = 0; s < sequences; ++s)
    tables_.emplace_back(order.begin() + s * pages, order.begin() + (s + 1) * pages);
  data_.assign(order.size() * layout.page_bytes(), std::byte{0xFF});  // 0xFFFF and 0xFFFFFFFF are NaN
  view_ = {layout, data_.data(), pages * sequences};
}

std::int32_t TestCache::page(std::int64_t sequence, std::int64_t position) const {
  return tables_[static_cast<std::size_t>(sequence)][static_cast<std::size_t>(position / kPageTokens)];
}

float TestCache::get(const std::byte* at) const {
  if (view_.layout.type == DType::f32) {
    float value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  bf16 value;
  std::memcpy(&value, at, sizeof value);
  return static_cast<float>(value);
}

void TestCache::put(std::byte* at, float value) const { store_plain(view_.layout.type, at, value); }

float TestCache::entry(std::int64_t sequence, std::int64_t position, std::int64_t i) const {
  return get(view_.entry(page(sequence, position), position % kPageTokens) +
             static_cast<std::size_t>(i) * view_.layout.element_bytes());
}

float TestCache::key(std::int64_t sequence, std::int64_t position, std::int64_t i) const {
  return get(view_.key(page(sequence, position), position % kPageTokens, i));
}

void TestCache::set_entry(std::int64_t sequence, std::int64_t position, std::int64_t i, float value) {
  put(view_.entry(page(sequence, position), position % kPageTokens) +
          static_cast<std::size_t>(i) * view_.layout.element_bytes(),
      value);
}

void TestCache::set_key(std::int64_t sequence, std::int64_t position, std::int64_t i, float value) {
  put(view_.key(page(sequence, position), position % kPageTokens, i), value);
}

void TestCache::fill(std::uint64_t seed, float scale) {
  const CounterRng rng(seed);
  std::uint64_t counter = 0;
  const auto next = [&] { return static_cast<float>(2 * rng.unit(counter++) - 1) * scale; };
  for (std::int64_t s = 0; s < static_cast<std::int64_t>(tables_.size()); ++s)
    for (std::int64_t position = 0; position < ctx_; ++position) {
      for (std::int64_t i = 0; i < view_.layout.entry_elements(); ++i) set_entry(s, position, i, next());
      for (std::int64_t i = 0; i < view_.layout.key_elements(); ++i)
        set_key(s, position, i, i < view_.layout.index_dim ? next() : 0);
    }
}

}  // namespace dsa::test
