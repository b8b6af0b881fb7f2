#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/dequantize.h"
#include "kernels/ref/ref.h"
#include "kernels/scratch.h"

namespace dsa {
namespace {

/// A softmax-weighted sum in progress: `sum` of exp(score - max) over the tokens so far, and the same sum of
/// their c.  tokens == 0: nothing seen yet, the other fields mean nothing.
struct Partial {
  std::int64_t tokens = 0;
  float max = 0;
  float sum = 0;
  std::span<float> c;  // [rank]
};

/// into += other, both rescaled to the larger maximum.
void merge(Partial& into, const Partial& other) {
  if (other.tokens == 0) return;
  if (into.tokens == 0) {
    into.max = other.max;
    into.sum = other.sum;
    std::copy(other.c.begin(), other.c.end(), into.c.begin());
  } else {
    const float max = std::max(into.max, other.max);
    const float keep = std::exp(into.max - max);
    const float add = std::exp(other.max - max);
    into.max = max;
    into.sum = into.sum * keep + other.sum * add;
    for (std::size_t r = 0; r < into.c.size(); ++r) into.c[r] = into.c[r] * keep + other.c[r] * add;
  }
  into.tokens += other.tokens;
}

/// One head of one row, and the buffers of the thread that computes it.
struct Head {
  const float* q_c;  // null: c takes no part in the score
  const float* q_pe;
  std::int64_t group;
  float scale;
  std::span<float> entries;  // [kPageTokens, rank + rope_dim]
};

float score_of(const Head& head, const KvLayout& layout, const float* entry) {
  double dot = 0;
  if (head.q_c != nullptr)
    for (std::int64_t r = 0; r < layout.rank; ++r) dot += static_cast<double>(head.q_c[r]) * entry[r];
  for (std::int64_t r = 0; r < layout.rope_dim; ++r)
    dot += static_cast<double>(head.q_pe[r]) * entry[layout.rank + r];
  return head.scale * static_cast<float>(dot);
}

/// Adds one block: position(rank) for rank in [first, last), at most kPageTokens of them.
template <class Position>
void add_block(const Head& head, const KvView& kv, const KvRow& row, std::int64_t first, std::int64_t last,
               Position position, Partial& into) {
  const KvLayout& layout = kv.layout;
  const std::int64_t width = layout.rank + layout.rope_dim;
  const std::size_t group_bytes = static_cast<std::size_t>(head.group * width) * layout.element_bytes();
  std::array<float, kPageTokens> score;
  std::int64_t tokens = 0;
  float max = -std::numeric_limits<float>::infinity();
  for (std::int64_t i = first; i < last; ++i) {
    const std::int64_t s = position(i);
    if (s < 0 || s >= row.visible) continue;
    const auto entry =
        head.entries.subspan(static_cast<std::size_t>(tokens * width), static_cast<std::size_t>(width));
    dequantize(layout.type, kv.entry(row.pages[s / kPageTokens], s % kPageTokens) + group_bytes, entry);
    score[tokens] = score_of(head, layout, entry.data());
    max = std::fmax(max, score[tokens++]);
  }
  if (tokens == 0) return;
  // A NaN anywhere makes its weight NaN and reaches the output through sum.
  const float new_max = into.tokens == 0 ? max : std::max(into.max, max);
  const float keep = into.tokens == 0 ? 0.0F : std::exp(into.max - new_max);
  if (into.tokens == 0) {
    into.sum = 0;
    std::fill(into.c.begin(), into.c.end(), 0.0F);
  }
  into.sum *= keep;
  for (float& c : into.c) c *= keep;
  for (std::int64_t i = 0; i < tokens; ++i) {
    const float p = std::exp(score[i] - new_max);
    into.sum += p;
    for (std::size_t r = 0; r < into.c.size(); ++r)
      into.c[r] += p * head.entries[static_cast<std::size_t>(i * width) + r];
  }
  into.max = new_max;
  into.tokens += tokens;
}

/// All tokens of one head: blocks within segments, segments merged in ascending order.
template <class Position>
void attend(const Head& head, const KvView& kv, const KvRow& row, std::int64_t count, Position position,
            Partial segment, std::span<float> out) {
  Partial total;
  total.c = out;
  for (std::int64_t i = 0; i < attention_segments(count); ++i) {
    const std::int64_t start = attention_segment_start(i);
    const std::int64_t stop = std::min(count, attention_segment_start(i + 1));
    segment.tokens = 0;
    for (std::int64_t first = start; first < stop; first += kPageTokens)
      add_block(head, kv, row, first, std::min(stop, first + kPageTokens), position, segment);
    merge(total, segment);
  }
  for (float& o : out) o = total.tokens == 0 ? 0.0F : o / total.sum;
}

}  // namespace

void ref::attention(Exec& exec, const AttentionArgs& args) {
  const KvLayout& layout = args.kv.layout;
  const std::int64_t n = args.q_pe.dim(0);
  const std::int64_t heads = args.q_pe.dim(1);
  const std::int64_t width = layout.rank + layout.rope_dim;
  const bool dense = args.idx.data() == nullptr;
  DSA_CHECK(static_cast<std::int64_t>(args.rows.size()) == n && heads % layout.groups == 0);
  DSA_CHECK(args.q_pe.dim(2) == layout.rope_dim);
  DSA_CHECK(args.q_c.empty() || (args.q_c.dim(1) == heads && args.q_c.dim(2) == layout.rank));
  DSA_CHECK(args.out.dim(0) == n && args.out.dim(1) == heads && args.out.dim(2) == layout.rank);
  DSA_CHECK(dense || (args.idx.rows() == n && static_cast<std::int64_t>(args.count.size()) == n));
  auto rest = args.scratch;
  const auto buffers = take<float>(rest, exec.threads() * (layout.rank + kPageTokens * width));
  exec.parallel_for(n * heads, 1, [&](std::int64_t begin, std::int64_t end, int rank) {
    const auto each = static_cast<std::size_t>(layout.rank + kPageTokens * width);
    const auto mine = buffers.subspan(each * static_cast<std::size_t>(rank), each);
    Partial segment;
    segment.c = mine.first(static_cast<std::size_t>(layout.rank));
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t t = item / heads;
      const std::int64_t h = item % heads;
      const Head head{.q_c = args.q_c.empty() ? nullptr : args.q_c.row(t, h),
                      .q_pe = args.q_pe.row(t, h),
                      .group = h / (heads / layout.groups),
                      .scale = args.scale,
                      .entries = mine.subspan(static_cast<std::size_t>(layout.rank))};
      const auto out = args.out.span(t, h);
      const KvRow& row = args.rows[t];
      if (dense)
        attend(
            head, args.kv, row, row.visible, [](std::int64_t s) { return s; }, segment, out);
      else
        attend(
            head, args.kv, row, args.count[t], [&](std::int64_t i) { return args.idx(t, i); }, segment, out);
    }
  });
}

}  // namespace dsa
