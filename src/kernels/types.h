// Types shared by the ops' contract headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/dtype.h"
#include "tensor/view.h"

namespace dsa {

/// Number formats of a computation (docs/numerics.md).
enum class Compute : std::uint8_t {
  f32,        // activations, cache, index keys and accumulation in float32, weights exactly dequantised
  automatic,  // what makes the machine fast rounds: activations to int8 for GGUF blocks, cache to BF16
  demo,  // automatic, and FP8 checkpoints round what DeepSeek's own demo rounds to FP8: to compare with it
};

/// A stored weight matrix [rows = out, cols = in], read where it lies.  No alignment is promised.
/// Row r starts at data + r * row_bytes.
struct WeightView {
  DType type = DType::f32;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  const std::byte* data = nullptr;
  std::size_t row_bytes = 0;
  /// F8_E4M3 only: w = e4m3 * scale, one float per block of 128 x 128;
  /// scale of element (r, c) is scales[((scale_row0 + r) / 128) * scale_stride + c / 128].
  /// scale_row0 is not 0 in views made by row_slice().
  const float* scales = nullptr;
  std::int64_t scale_stride = 0;
  std::int64_t scale_row0 = 0;
  /// What KernelTable::pack made of it, or null: only that family reads it.
  const std::byte* packed = nullptr;

  [[nodiscard]] bool empty() const { return data == nullptr && packed == nullptr; }
  /// Rows [first, first + count) as a matrix of their own (unpacked).
  [[nodiscard]] WeightView row_slice(std::int64_t first, std::int64_t count) const {
    WeightView v = *this;
    v.rows = count;
    v.data += static_cast<std::size_t>(first) * row_bytes;
    v.scale_row0 += first;
    v.packed = nullptr;
    return v;
  }
};

inline constexpr std::int64_t kScaleBlock = 128;  // FP8 weights and activations
inline constexpr std::int64_t kPageTokens = 64;   // tokens in one page of the cache

/// The cache of one layer: pages of 64 tokens, in two arrays of pages, so that the indexer, which reads all
/// keys, reads one stream:
///   entries  [pages][64][groups][rank + rope_dim] of `type`: per token and group, c (rank),
///            then k_pe (rope_dim)
///   keys     [pages][key_words][64] words of 32 bits; index_dim is 0 where the layer has no indexer
///            of its own.  Turned over, because a product takes a word of many tokens at once:
///            word i of a token holds its elements 2 i and 2 i + 1 (bf16; beside an odd last one a 0),
///            i (f32), or, with int8_keys, 4 i .. 4 i + 3 as q8_row() rounds them (kernels/quantize.h), and
///            the last word their scale.
struct KvLayout {
  DType type = DType::bf16;  // bf16 or f32
  std::int64_t groups = 1;
  std::int64_t rank = 0;
  std::int64_t rope_dim = 0;
  std::int64_t index_dim = 0;
  bool int8_keys = false;  // beside entries in bf16

  [[nodiscard]] std::int64_t entry_elements() const { return groups * (rank + rope_dim); }
  [[nodiscard]] std::size_t element_bytes() const { return traits(type).block_bytes; }
  [[nodiscard]] std::size_t entries_page_bytes() const {
    return static_cast<std::size_t>(kPageTokens * entry_elements()) * element_bytes();
  }
  static constexpr std::int64_t kWordBytes = 4;
  /// Elements in a word of a key, and in a whole key: index_dim, filled up to whole words.
  [[nodiscard]] std::int64_t word_elements() const { return int8_keys ? 4 : type == DType::bf16 ? 2 : 1; }
  [[nodiscard]] std::int64_t key_elements() const {
    return (index_dim + word_elements() - 1) / word_elements() * word_elements();
  }
  /// The scale of int8_keys included.
  [[nodiscard]] std::int64_t key_words() const {
    return key_elements() / word_elements() + (int8_keys && index_dim > 0 ? 1 : 0);
  }
  [[nodiscard]] std::size_t keys_page_bytes() const {
    return static_cast<std::size_t>(kPageTokens * key_words() * kWordBytes);
  }
  /// What one page costs in this layer.
  [[nodiscard]] std::size_t page_bytes() const { return entries_page_bytes() + keys_page_bytes(); }
  /// What one token costs in this layer.
  [[nodiscard]] std::size_t token_bytes() const {
    return (entries_page_bytes() + keys_page_bytes()) / static_cast<std::size_t>(kPageTokens);
  }
};

struct KvView {
  KvLayout layout;
  std::byte* entries = nullptr;
  std::byte* keys = nullptr;

  KvView() = default;
  /// `pages` pages in memory of pages * layout.page_bytes() bytes.
  KvView(const KvLayout& of, std::byte* memory, std::int64_t pages)
      : layout(of),
        entries(memory),
        keys(memory + static_cast<std::size_t>(pages) * of.entries_page_bytes()) {}

  [[nodiscard]] std::byte* entry(std::int32_t page, std::int64_t slot) const {
    return entries + static_cast<std::size_t>(page) * layout.entries_page_bytes() +
           static_cast<std::size_t>(slot * layout.entry_elements()) * layout.element_bytes();
  }
  [[nodiscard]] std::byte* key_page(std::int32_t page) const {
    return keys + static_cast<std::size_t>(page) * layout.keys_page_bytes();
  }
  /// Element i of a key.
  [[nodiscard]] std::byte* key(std::int32_t page, std::int64_t slot, std::int64_t i) const {
    const std::int64_t in_word = layout.word_elements();
    return key_word(page, slot, i / in_word) + i % in_word * (KvLayout::kWordBytes / in_word);
  }
  [[nodiscard]] std::byte* key_word(std::int32_t page, std::int64_t slot, std::int64_t i) const {
    return key_page(page) + (i * kPageTokens + slot) * KvLayout::kWordBytes;
  }
};

/// Where one row (token) of a batch finds its past: token s of its sequence lies in page pages[s / 64], slot
/// s % 64. It sees positions [0, visible): its own position + 1.  Rows of one sequence share `pages`.
struct KvRow {
  const std::int32_t* pages = nullptr;
  std::int64_t visible = 0;
};

}  // namespace dsa
