// attention: tiles of queries walk over the blocks of a segment; segments are merged in ascending order.  A
// tile is, for a dense range, heads of one group in neighbouring rows of one sequence, which share all they
// read; else one row's heads in some groups, so that a token's groups are fetched in one visit.

inline constexpr std::int64_t kMaxQueries = 48;  // of a tile

inline std::int64_t whole_vectors(std::int64_t n) {
  return (n + Vec::kLanes - 1) / Vec::kLanes * Vec::kLanes;
}
inline std::int64_t parts(std::int64_t n, std::int64_t each) { return (n + each - 1) / each; }

/// count elements as floats; the last vector is filled up with zeros.
template <class T>
inline void widen_elements(const T* from, std::int64_t count, float* to) {
  for (std::int64_t d = 0; d < count; d += Vec::kLanes) store(to + d, load_part(from + d, count - d));
}

/// How a call is cut into tiles.  Nothing here changes a result.
struct AttentionPlan {
  const AttentionArgs& args;
  bool dense;
  std::int64_t n, heads, groups, group_heads;
  std::int64_t segments = 1;                    // of the longest row
  std::int64_t tile_heads = 1, head_tiles = 1;  // heads of one group in a tile; such tiles in a group
  std::int64_t tile_groups = 1, group_tiles = 1;
  std::int64_t tile_rows = 1;  // most rows of a tile
  Widths width{};
  std::int64_t q_stride;

  AttentionPlan(const AttentionArgs& a, int threads)
      : args(a),
        dense(a.idx.data() == nullptr),
        n(a.q_pe.dim(0)),
        heads(a.q_pe.dim(1)),
        groups(a.kv.layout.groups),
        group_heads(heads / groups) {
    for (std::int64_t t = 0; t < n; ++t) {
      const std::int64_t here = parts(tokens(t), kAttentionSegment);
      if (here > segments) segments = here;
    }
    tile_heads = group_heads < 32 ? group_heads : 32;
    head_tiles = parts(group_heads, tile_heads);
    if (dense && n > 1 && a.rows[0].pages == a.rows[1].pages) {
      tile_rows = kMaxQueries / tile_heads;
    } else if (head_tiles == 1) {
      // All groups of a token in one visit, unless the threads would run short of tiles.
      tile_groups = parts(groups, parts(2 * threads, n * segments));
      if (tile_groups * tile_heads > kMaxQueries) tile_groups = kMaxQueries / tile_heads;
    }
    group_tiles = parts(groups, tile_groups);
    width.rank = whole_vectors(a.kv.layout.rank);
    width.q_c = a.q_c.empty() ? 0 : width.rank;
    width.rope = whole_vectors(a.kv.layout.rope_dim);
    q_stride = width.q_c + width.rope;
  }

  /// Positions or selection ranks that row t goes through.
  [[nodiscard]] std::int64_t tokens(std::int64_t t) const {
    const auto i = static_cast<std::size_t>(t);
    return dense ? args.rows[i].visible : args.count[i];
  }
  [[nodiscard]] std::int64_t partial_floats() const { return width.rank + 8; }
  /// Tiles that together hold all heads of a row.
  [[nodiscard]] std::int64_t cells() const { return group_tiles * head_tiles; }
};

/// Some heads: `heads` of each of `groups` groups.
struct HeadRange {
  std::int64_t group, groups, head, heads;

  HeadRange(const AttentionPlan& p, std::int64_t cell) {
    group = cell / p.head_tiles * p.tile_groups;
    groups = p.groups - group < p.tile_groups ? p.groups - group : p.tile_groups;
    const std::int64_t first = cell % p.head_tiles * p.tile_heads;
    head = group * p.group_heads + first;
    heads = p.group_heads - first < p.tile_heads ? p.group_heads - first : p.tile_heads;
  }
};

/// Buffers of one thread.
struct AttentionScratch {
  float* wide;    // [64][rank + rope] a widened block
  float* q;       // [queries][q_stride]
  float* scores;  // [queries][64]
  float* c;       // [queries][rank] of the segment
  float* total;   // [queries][rank] of all segments

  static std::int64_t floats(const AttentionPlan& p) {
    return kPageTokens * (p.width.rank + p.width.rope) +
           kMaxQueries * (p.q_stride + kPageTokens + 2 * p.width.rank) + 16;
  }
  AttentionScratch(const AttentionPlan& p, float* at)
      : wide(at),
        q(wide + kPageTokens * (p.width.rank + p.width.rope)),
        scores(q + kMaxQueries * p.q_stride),
        c(scores + kMaxQueries * kPageTokens),
        total(c + kMaxQueries * p.width.rank) {}
};

/// Some heads for some rows of one sequence.  Query m is row (m / heads) % rows, head m % heads of group m /
/// heads / rows.
class AttentionTile {
 public:
  AttentionTile(const AttentionPlan& plan, const AttentionScratch& scratch, std::int64_t first_row,
                std::int64_t rows, HeadRange range)
      : p_(plan), s_(scratch), row_(first_row), rows_(rows), range_(range) {
    for (std::int64_t m = 0; m < queries(); ++m) {
      float* q = s_.q + m * p_.q_stride;
      if (p_.width.q_c > 0) widen_elements(p_.args.q_c.row(row_of(m), head_of(m)), p_.args.kv.layout.rank, q);
      widen_elements(p_.args.q_pe.row(row_of(m), head_of(m)), p_.args.kv.layout.rope_dim, q + p_.width.q_c);
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
    const std::int64_t first = index * kAttentionSegment;
    if (stop > first + kAttentionSegment) stop = first + kAttentionSegment;
    Entries entries[2];
    if (first < stop) find(first, stop, entries[0]);
    for (std::int64_t at = first, turn = 0; at < stop; at += kPageTokens, turn ^= 1) {
      entries[turn ^ 1].count = 0;
      if (at + kPageTokens < stop) find(at + kPageTokens, stop, entries[turn ^ 1]);
      if (entries[turn].count == 0) continue;
      if (p_.args.kv.layout.type == DType::f32)
        block<float>(at, entries[turn], entries[turn ^ 1]);
      else
        block<bf16>(at, entries[turn], entries[turn ^ 1]);
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

  static void finish(const AttentionPlan& p, std::int64_t t, std::int64_t h, const float* c, float sum,
                     bool none) {
    const std::int64_t rank = p.args.kv.layout.rank;
    float* out = p.args.out.row(t, h);
    for (std::int64_t d = 0; d < rank; d += Vec::kLanes)
      store_part(out + d, none ? zero() : load(c + d) / all(sum), rank - d);
  }

 private:
  /// The tokens of a block: where their entries start.
  struct Entries {
    const std::byte* at[kPageTokens];
    std::int64_t count = 0;
  };

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

  template <class T>
  void block(std::int64_t at, const Entries& entries, const Entries& next) {
    const KvLayout& layout = p_.args.kv.layout;
    const bool whole = layout.rank % Vec::kLanes == 0 && layout.rope_dim % Vec::kLanes == 0;
    const bool in_place = whole && (rows_ * range_.heads <= 3 || std::is_same_v<T, float>);
    const std::size_t bytes = static_cast<std::size_t>(layout.rank + layout.rope_dim) * sizeof(T);
    for (std::int64_t g = 0; g < range_.groups; ++g) {
      const std::size_t offset = static_cast<std::size_t>(range_.group + g) * bytes;
      const Ahead ahead{next.at, next.count, offset, bytes};
      if (in_place) {
        TokenRows<T> rows;
        for (std::int64_t i = 0; i < entries.count; ++i) {
          rows.c[i] = reinterpret_cast<const T*>(entries.at[i] + offset);
          rows.k_pe[i] = rows.c[i] + layout.rank;
        }
        attend(at, g, rows, entries.count, ahead);
      } else {
        TokenRows<float> rows;
        for (std::int64_t i = 0; i < entries.count; ++i) {
          float* c = s_.wide + i * (p_.width.rank + p_.width.rope);
          const T* from = reinterpret_cast<const T*>(entries.at[i] + offset);
          widen_elements(from, layout.rank, c);
          widen_elements(from + layout.rank, layout.rope_dim, c + p_.width.rank);
          rows.c[i] = c;
          rows.k_pe[i] = c + p_.width.rank;
        }
        attend(at, g, rows, entries.count, ahead);
      }
    }
  }

  /// One block for the queries of one group.
  template <class T>
  void attend(std::int64_t at, std::int64_t g, TokenRows<T>& rows, std::int64_t found, Ahead ahead) {
    for (std::int64_t i = found; i % 4 != 0; ++i) {
      rows.c[i] = rows.c[found - 1];
      rows.k_pe[i] = rows.k_pe[found - 1];
    }
    std::int64_t m = g * rows_ * range_.heads;
    const std::int64_t end = m + rows_ * range_.heads;
    const auto score = [&]<int MR>() {
      score_queries<MR>(s_.q + m * p_.q_stride, p_.q_stride, rows, found, p_.width, ahead,
                        s_.scores + m * kPageTokens);
      ahead.count = 0;
      m += MR;
    };
    while (m + 3 <= end) score.template operator()<3>();
    while (m < end) score.template operator()<1>();
    for (std::int64_t r = 0; r < rows_; ++r) {
      // Of a dense range a row sees its own part of the block.
      std::int64_t seen = found;
      if (p_.dense && p_.tokens(row_ + r) - at < seen) seen = p_.tokens(row_ + r) - at;
      if (seen <= 0) continue;
      tokens_[r] += seen;
      float keep[3];
      m = (g * rows_ + r) * range_.heads;
      const std::int64_t last = m + range_.heads;
      const auto values = [&]<int MR>() {
        for (int i = 0; i < MR; ++i)
          keep[i] = weigh(s_.scores + (m + i) * kPageTokens, seen, p_.args.scale, state_[m + i]);
        add_values<MR>(s_.scores + m * kPageTokens, rows, 0, seen, keep, s_.c + m * p_.width.rank,
                       p_.width.rank);
        m += MR;
      };
      while (m + 3 <= last) values.template operator()<3>();
      while (m < last) values.template operator()<1>();
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
  // With few rows there is more to do than rows and groups can share out evenly.  The result is the same
  // either way.
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
