// attention: tiles of queries (attention_plan.inl) walk over the blocks of a segment;
// segments are merged in ascending order.
// Needs: attention_float_only, attention_bf16 or attention_amx.

/// Some heads for some rows of one sequence.  Query m is row (m / heads) % rows,
/// head m % heads of group m / heads / rows.
class AttentionTile {
 public:
  AttentionTile(const AttentionPlan& plan, const AttentionScratch& scratch, std::int64_t first_row,
                std::int64_t rows, HeadRange range)
      : p_(plan), s_(scratch), row_(first_row), rows_(rows), range_(range) {
    for (std::int64_t m = 0; m < queries(); ++m) {
      const float* q_c = p_.width.q_c > 0 ? p_.args.q_c.row(row_of(m), head_of(m)) : nullptr;
      load_query(p_, q_c, p_.args.q_pe.row(row_of(m), head_of(m)), s_.q + m * p_.q_stride);
    }
  }

  [[nodiscard]] std::int64_t queries() const { return range_.groups * rows_ * range_.heads; }
  [[nodiscard]] std::int64_t row_of(std::int64_t m) const { return row_ + m / range_.heads % rows_; }
  [[nodiscard]] std::int64_t head_of(std::int64_t m) const {
    return range_.head + m / range_.heads / rows_ * p_.group_heads + m % range_.heads;
  }
  [[nodiscard]] const Running& state(std::int64_t m) const { return state_[m]; }
  /// True if row t has no token in the segment.
  [[nodiscard]] bool empty(std::int64_t t) const { return tokens_[t - row_] == 0; }

  /// Computes one segment: s_.c, state() and empty().
  void segment(std::int64_t index) {
    for (std::int64_t m = 0; m < queries(); ++m) state_[m] = {-__builtin_inff(), 0};
    __builtin_memset(s_.c, 0, static_cast<std::size_t>(queries() * p_.width.rank) * sizeof(float));
    std::int64_t stop = 0;
    for (std::int64_t r = 0; r < rows_; ++r) {
      tokens_[r] = 0;
      const std::int64_t end = p_.tokens(row_ + r);
      if (end > stop) stop = end;
    }
    const std::int64_t first = attention_segment_start(index), next = attention_segment_start(index + 1);
    if (stop > next) stop = next;
    Entries entries[2];
    if (first < stop) find(first, stop, entries[0]);
    // Nobody has asked for the first block: all of it at once.
    fetch({entries[0].at, entries[0].count, static_cast<std::size_t>(range_.group) * group_bytes(),
           static_cast<std::size_t>(range_.groups) * group_bytes()},
          0, kPageTokens);
    for (std::int64_t at = first, turn = 0; at < stop; at += kPageTokens, turn ^= 1) {
      entries[turn ^ 1].count = 0;
      if (at + kPageTokens < stop) find(at + kPageTokens, stop, entries[turn ^ 1]);
      if (entries[turn].count == 0) continue;
      block(at, entries[turn], entries[turn ^ 1]);
    }
  }

  /// All segments in turn, to args.out.
  void run() {
    Running total[kMaxQueries];
    bool none[kMaxQueries];
    for (std::int64_t m = 0; m < queries(); ++m) none[m] = true;
    for (std::int64_t i = 0; i < p_.segments; ++i) {
      segment(i);
      for (std::int64_t m = 0; m < queries(); ++m) {
        if (empty(row_of(m))) continue;
        merge(total[m], s_.total + m * p_.width.rank, none[m], state_[m], s_.c + m * p_.width.rank,
              p_.width.rank);
        none[m] = false;
      }
    }
    for (std::int64_t m = 0; m < queries(); ++m)
      finish(p_, row_of(m), head_of(m), s_.total + m * p_.width.rank, total[m].sum, none[m]);
  }

  // Of a sum of zeros the sign is dropped: it may tell of values that the row may not see
  // (attention_amx.inl).
  static void finish(const AttentionPlan& p, std::int64_t t, std::int64_t h, const float* c, float sum,
                     bool none) {
    const std::int64_t rank = p.args.kv.layout.rank;
    float* out = p.args.out.row(t, h);
    for (std::int64_t d = 0; d < rank; d += Vec::kLanes)
      store_part(out + d, none ? zero() : load(c + d) / all(sum) + zero(), rank - d);
  }

 private:
  /// The block of ranks from `at` on, before `stop`; entries that are no token are left out.
  void find(std::int64_t at, std::int64_t stop, Entries& out) const {
    const KvLayout& layout = p_.args.kv.layout;
    const KvRow& row = p_.args.rows[static_cast<std::size_t>(row_)];
    const std::int64_t count = stop - at < kPageTokens ? stop - at : kPageTokens;
    out.count = 0;
    if (p_.dense) {
      // at is a multiple of a page: one page, one stride.
      const std::byte* first = p_.args.kv.entry(row.pages[at / kPageTokens], 0);
      const std::size_t stride = static_cast<std::size_t>(layout.entry_elements()) * layout.element_bytes();
      for (; out.count < count; ++out.count)
        out.at[out.count] = first + static_cast<std::size_t>(out.count) * stride;
      return;
    }
    const std::int32_t* idx = p_.args.idx.row(row_) + at;
    for (std::int64_t i = 0; i < count; ++i)
      if (const std::int64_t s = idx[i]; s >= 0 && s < row.visible)
        out.at[out.count++] = p_.args.kv.entry(row.pages[s / kPageTokens], s % kPageTokens);
  }

  /// Of one group in an entry.
  [[nodiscard]] std::size_t group_bytes() const {
    const KvLayout& layout = p_.args.kv.layout;
    return static_cast<std::size_t>(layout.rank + layout.rope_dim) * layout.element_bytes();
  }

  void block(std::int64_t at, const Entries& entries, const Entries& next) {
    std::int64_t seen[kMaxQueries];
    for (std::int64_t r = 0; r < rows_; ++r) {
      // Of a dense range a row sees its own part of the block.
      const std::int64_t own = p_.dense ? p_.tokens(row_ + r) - at : entries.count;
      seen[r] = own < 0 ? 0 : own < entries.count ? own : entries.count;
      tokens_[r] += seen[r];
    }
    for (std::int64_t g = 0; g < range_.groups; ++g) {
      const std::int64_t m = g * rows_ * range_.heads;
      const std::size_t offset = static_cast<std::size_t>(range_.group + g) * group_bytes();
      const GroupBlock group{.rows = rows_,
                             .heads = range_.heads,
                             .seen = seen,
                             .q = s_.q + m * p_.q_stride,
                             .scores = s_.scores + m * kPageTokens,
                             .c = s_.c + m * p_.width.rank,
                             .state = state_ + m,
                             .entries = entries,
                             .offset = offset,
                             .ahead = {next.at, next.count, offset, group_bytes()}};
      if (p_.args.kv.layout.type == DType::f32)
        attend_group<float>(p_, group, s_);
      else
        attend_group<bf16>(p_, group, s_);
    }
  }

  const AttentionPlan& p_;
  const AttentionScratch& s_;
  std::int64_t row_, rows_;
  HeadRange range_;
  Running state_[kMaxQueries];
  std::int64_t tokens_[kMaxQueries];  // of each row in this segment
};

/// Few rows: segments go to different threads, their partial results to scratch and from there into one.
inline void attend_split(Exec& exec, const AttentionPlan& p, float* partial, float* buffers) {
  const std::int64_t rank = p.width.rank;
  const auto slot = [&](std::int64_t t, std::int64_t h, std::int64_t segment) {
    return partial + ((t * p.heads + h) * p.segments + segment) * p.partial_floats();
  };
  exec.parallel_for(p.n * p.segments * p.cells(), 1, [&](std::int64_t begin, std::int64_t end, int thread) {
    const AttentionScratch scratch(p, buffers + thread * AttentionScratch::floats(p));
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t t = i / p.cells() / p.segments, segment = i / p.cells() % p.segments;
      AttentionTile tile(p, scratch, t, 1, HeadRange(p, i % p.cells()));
      tile.segment(segment);
      for (std::int64_t m = 0; m < tile.queries(); ++m) {
        float* to = slot(t, tile.head_of(m), segment);
        widen_elements(scratch.c + m * rank, rank, to);
        to[rank] = tile.state(m).max;
        to[rank + 1] = tile.state(m).sum;
        to[rank + 2] = tile.empty(t) ? 0.0F : 1.0F;
      }
    }
  });
  const std::int64_t all = p.n * p.heads;
  exec.parallel_for(all, all < 64 ? all : 16, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t t = i / p.heads, h = i % p.heads;
      Running total{0, 0};
      bool none = true;
      float* c = slot(t, h, 0);  // segment 0 becomes the total in place
      for (std::int64_t segment = 0; segment < p.segments; ++segment) {
        const float* from = slot(t, h, segment);
        if (from[rank + 2] == 0) continue;
        merge(total, c, none, {from[rank], from[rank + 1]}, from, rank);
        none = false;
      }
      AttentionTile::finish(p, t, h, c, total.sum, none);
    }
  });
}

/// Rows [first, stop) by tiles of rows that share their pages.
inline void attend_rows(const AttentionPlan& p, const AttentionScratch& scratch, std::int64_t first,
                        std::int64_t stop, const HeadRange& range) {
  const std::span<const KvRow> rows = p.args.rows;
  for (std::int64_t t = first, next = first; t < stop; t = next) {
    for (next = t + 1; next < stop; ++next)
      if (rows[static_cast<std::size_t>(next)].pages != rows[static_cast<std::size_t>(t)].pages) break;
    AttentionTile(p, scratch, t, next - t, range).run();
  }
}

void attention(Exec& exec, const AttentionArgs& args) {
  if (args.q_pe.dim(0) == 0) return;
  const AttentionPlan p(args, exec.threads());
  DSA_CHECK(static_cast<std::int64_t>(args.rows.size()) == p.n && p.heads % p.groups == 0);
  DSA_CHECK(args.out.dim(0) == p.n && args.out.dim(1) == p.heads && args.out.dim(2) == args.kv.layout.rank);
  std::span<std::byte> rest = args.scratch;
  const std::int64_t threads = exec.threads();
  const auto own = take<float>(rest, threads * AttentionScratch::floats(p), 64);
  // With few rows there is more to do than rows and groups can share out evenly.
  // The result is the same either way.
  const std::int64_t partials = p.n * p.heads * p.segments * p.partial_floats();
  if (p.segments > 1 && p.n <= kAttentionSplitRows && p.n * p.cells() < 4 * threads &&
      rest.size() >= static_cast<std::size_t>(partials) * sizeof(float) + 64) {
    attend_split(exec, p, take<float>(rest, partials, 64).data(), own.data());
    return;
  }
  exec.parallel_for(parts(p.n, p.tile_rows) * p.cells(), 1,
                    [&](std::int64_t begin, std::int64_t end, int thread) {
                      const AttentionScratch scratch(p, own.data() + thread * AttentionScratch::floats(p));
                      for (std::int64_t i = begin; i < end; ++i) {
                        const std::int64_t first = i / p.cells() * p.tile_rows;
                        const std::int64_t stop = first + p.tile_rows < p.n ? first + p.tile_rows : p.n;
                        attend_rows(p, scratch, first, stop, HeadRange(p, i % p.cells()));
                      }
                    });
}
