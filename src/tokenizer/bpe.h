// Byte-pair encoding of one word.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dsa {

/// (left, right) -> (rank, merged): a flat table of open addressing, read a few times for every byte of text.
class MergeTable {
 public:
  struct Merge {
    std::int32_t rank = -1;  // -1: none
    std::int32_t merged = -1;
  };
  MergeTable() = default;
  explicit MergeTable(std::size_t count);
  void insert(std::int32_t left, std::int32_t right, Merge merge);  // the last one of a pair stays
  [[nodiscard]] Merge find(std::int32_t left, std::int32_t right) const {
    if (slots_.empty()) return {};
    const std::uint64_t key = key_of(left, right);
    for (std::size_t i = hash(key) & mask_;; i = (i + 1) & mask_) {
      if (slots_[i].key == key) return slots_[i].merge;
      if (slots_[i].key == kEmpty) return {};
    }
  }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};  // no pair: ids are not negative
  struct Slot {
    std::uint64_t key = kEmpty;
    Merge merge;
  };
  static std::uint64_t key_of(std::int32_t left, std::int32_t right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
  }
  static std::size_t hash(std::uint64_t key) { return (key * 0x9E3779B97F4A7C15U) >> 20; }
  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
};

/// Immutable once filled; encode() takes its working memory from the caller, so threads can share one.
class Bpe {
 public:
  struct Scratch {
    struct Symbol {
      std::int32_t id;
      std::int32_t previous;  // index of the neighbour, -1 at the border
      std::int32_t next;
    };
    struct Candidate {
      std::int32_t rank;
      std::int32_t position;  // of the left symbol
      std::int32_t merged;
    };
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
    std::uint64_t operations = 0;  // candidates pushed since construction: what the tests bound
  };

  std::array<std::int32_t, 256> byte_ids;  // -1: the vocabulary cannot spell this byte
  MergeTable merges;
  std::unordered_map<std::string_view, std::int32_t> words;  // ordinary tokens by their bytes
  bool ignore_merges = false;  // a word that is a token is that token, whatever the merges say

  /// Appends the ids of `word` (under 2^31 bytes).  Always the pair of lowest rank first, the leftmost of
  /// equals.  A byte without a token is dropped, as `tokenizers` does.  O(n log n).
  void encode(std::string_view word, Scratch& scratch, std::vector<std::int32_t>& out) const;
};

}  // namespace dsa
