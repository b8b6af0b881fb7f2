#include "tokenizer/bpe.h"

#include <algorithm>
#include <bit>

#include "base/error.h"

namespace dsa {

MergeTable::MergeTable(std::size_t count)
    : slots_(std::bit_ceil(std::max<std::size_t>(2 * count, 16))), mask_(slots_.size() - 1) {}

void MergeTable::insert(std::int32_t left, std::int32_t right, Merge merge) {
  const std::uint64_t key = key_of(left, right);
  std::size_t i = hash(key) & mask_;
  while (slots_[i].key != kEmpty && slots_[i].key != key) i = (i + 1) & mask_;
  slots_[i] = {key, merge};
}

void Bpe::encode(std::string_view word, Scratch& scratch, std::vector<std::int32_t>& out) const {
  if (ignore_merges) {
    if (const auto it = words.find(word); it != words.end()) {
      out.push_back(it->second);
      return;
    }
  }
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  symbols.clear();
  heap.clear();
  DSA_CHECK(word.size() < (std::size_t{1} << 31));
  for (const char c : word) {
    const std::int32_t id = byte_ids[static_cast<unsigned char>(c)];
    if (id < 0) continue;
    const auto i = static_cast<std::int32_t>(symbols.size());
    symbols.push_back({id, i - 1, i + 1});
  }
  if (symbols.empty()) return;
  symbols.back().next = -1;

  // std heaps keep the largest on top: "less" means "merged later".
  const auto later = [](const Scratch::Candidate& a, const Scratch::Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
  };
  const auto candidate = [&](std::int32_t left) -> Scratch::Candidate {
    const std::int32_t right = left < 0 ? -1 : symbols[left].next;
    if (right < 0) return {-1, 0, 0};
    const MergeTable::Merge m = merges.find(symbols[left].id, symbols[right].id);
    return {m.rank, left, m.merged};
  };
  for (std::int32_t i = 0; i + 1 < static_cast<std::int32_t>(symbols.size()); ++i)
    if (const auto c = candidate(i); c.rank >= 0) heap.push_back(c);
  std::ranges::make_heap(heap, later);
  scratch.operations += symbols.size() + heap.size();

  while (!heap.empty()) {
    std::ranges::pop_heap(heap, later);
    const Scratch::Candidate top = heap.back();
    heap.pop_back();
    auto& left = symbols[top.position];
    // Stale: an earlier merge took one of the two, or made another pair here.
    if (left.id < 0 || left.next < 0) continue;
    auto& right = symbols[left.next];
    if (const auto m = merges.find(left.id, right.id); m.rank < 0 || m.merged != top.merged) continue;
    left.id = top.merged;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) symbols[left.next].previous = top.position;
    for (const std::int32_t at : {left.previous, top.position}) {
      const auto c = candidate(at);
      if (c.rank < 0) continue;
      heap.push_back(c);
      std::ranges::push_heap(heap, later);
      ++scratch.operations;
    }
  }
  for (std::int32_t i = 0; i >= 0; i = symbols[i].next) out.push_back(symbols[i].id);
}

}  // namespace dsa
