#include <array>
#include <cstring>

#include "kernels/quantize.h"
#include "kernels/ref/ref.h"

namespace dsa {
namespace {

void store(DType type, const float* from, std::int64_t count, std::byte* to) {
  if (type == DType::f32) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
    return;
  }
  DSA_CHECK(type == DType::bf16);
  for (std::int64_t i = 0; i < count; ++i) {
    const bf16 rounded{from[i]};
    std::memcpy(to + static_cast<std::size_t>(i) * sizeof rounded, &rounded, sizeof rounded);
  }
}

void store_int8(const KvView& kv, std::int32_t page, std::int64_t slot, std::span<const float> key) {
  DSA_CHECK(kv.layout.index_dim <= kMaxIndexDim);
  std::array<std::int8_t, kMaxIndexDim + 4> q{};
  const float scale = q8_row(key, std::span(q).first(key.size()));
  for (std::int64_t i = 0; i < kv.layout.key_elements(); ++i)
    *kv.key(page, slot, i) = static_cast<std::byte>(q[static_cast<std::size_t>(i)]);
  std::memcpy(kv.key_word(page, slot, kv.layout.key_words() - 1), &scale, sizeof scale);
}

}  // namespace

void ref::cache_write(Exec& exec, const CacheWriteArgs& args) {
  const KvLayout& layout = args.kv.layout;
  const auto n = static_cast<std::int64_t>(args.rows.size());
  const bool with_key = !args.key.empty();
  DSA_CHECK(args.c.dim(0) == n && args.c.dim(1) == layout.groups && args.c.dim(2) == layout.rank);
  DSA_CHECK(args.k_pe.dim(0) == n && args.k_pe.dim(1) == layout.groups &&
            args.k_pe.dim(2) == layout.rope_dim);
  DSA_CHECK(!with_key || (args.key.rows() == n && args.key.cols() == layout.index_dim));
  const std::size_t bytes = layout.element_bytes();
  exec.parallel_for(n, 4, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t position = args.rows[t].visible - 1;
      const std::int32_t page = args.rows[t].pages[position / kPageTokens];
      const std::int64_t slot = position % kPageTokens;
      std::byte* to = args.kv.entry(page, slot);
      for (std::int64_t g = 0; g < layout.groups; ++g) {
        store(layout.type, args.c.row(t, g), layout.rank, to);
        to += static_cast<std::size_t>(layout.rank) * bytes;
        store(layout.type, args.k_pe.row(t, g), layout.rope_dim, to);
        to += static_cast<std::size_t>(layout.rope_dim) * bytes;
      }
      if (with_key && layout.int8_keys) store_int8(args.kv, page, slot, args.key.span(t));
      for (std::int64_t i = 0; with_key && !layout.int8_keys && i < layout.key_elements(); ++i) {
        const float value = i < layout.index_dim ? args.key(t, i) : 0.0F;
        store(layout.type, &value, 1, args.kv.key(page, slot, i));
      }
    }
  });
}

}  // namespace dsa
