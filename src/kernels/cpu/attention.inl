// attention: tiles of queries that share their tokens (heads of one group; for a dense range also
// neighbouring rows of one sequence) walk over the blocks of a segment; segments are merged in ascending
// order.

inline constexpr std::int64_t kMaxQueries = 48;  // of a tile

inline std::int64_t whole_vectors(std::int64_t n) {
  return (n + Vec::kLanes - 1) / Vec::kLanes * Vec::kLanes;
}

/// count elements as floats; the last vector is filled up with zeros.
template <class T>
inline void widen_elements(const T* from, std::int64_t count, float* to) {
  for (std::int64_t d = 0; d < count; d += Vec::kLanes) store(to + d, load_part(from + d, count - d));
}

/// What all tiles of a call share.
struct AttentionPlan {
  const AttentionArgs& args;
  bool dense;
  std::int64_t n, heads, group_heads;
  std::int64_t tile_heads, head_tiles;  // heads of a tile; tiles of one group
  std::int64_t tile_rows;               // most rows of a tile
  std::int64_t segments;                // of the longest row
  Widths width;
  std::int64_t q_stride;

  explicit AttentionPlan(const AttentionArgs& a)
      : args(a),
        dense(a.idx.data() == nullptr),
        n(a.q_pe.dim(0)),
        heads(a.q_pe.dim(1)),
        group_heads(heads / a.kv.layout.groups),
        tile_heads(group_heads < 32 ? group_heads : 32),
        head_tiles((group_heads + tile_heads - 1) / tile_heads),
        tile_rows(dense ? kMaxQueries / tile_heads : 1),
        segments(1) {
    for (std::int64_t t = 0; t < n; ++t) {
      const std::int64_t here = (tokens(t) + kAttentionSegment - 1) / kAttentionSegment;
      if (here > segments) segments = here;
    }
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

/// Some heads of one group for some rows of one sequence (of one list).
class AttentionTile {
 public:
  AttentionTile(const AttentionPlan& plan, const AttentionScratch& scratch, std::int64_t first_row,
                std::int64_t rows, std::int64_t group, std::int64_t first_head, std::int64_t heads)
      : p_(plan), s_(scratch), row_(first_row), rows_(rows), group_(group), head_(first_head), heads_(heads) {
    for (std::int64_t m = 0; m < queries(); ++m) {
      float* q = s_.q + m * p_.q_stride;
      const std::int64_t t = row_ + m / heads_, h = head_ + m % heads_;
      if (p_.width.q_c > 0) widen_elements(p_.args.q_c.row(t, h), p_.args.kv.layout.rank, q);
      widen_elements(p_.args.q_pe.row(t, h), p_.args.kv.layout.rope_dim, q + p_.width.q_c);
    }
  }

  [[nodiscard]] std::int64_t queries() const { return rows_ * heads_; }
  [[nodiscard]] const Running& state(std::int64_t m) const { return state_[m]; }
  [[nodiscard]] bool empty(std::int64_t row) const { return tokens_[row] == 0; }

  /// Computes one segment: s_.c, state() and empty().
  void segment(std::int64_t index) {
    for (std::int64_t m = 0; m < queries(); ++m) {
      state_[m] = {-__builtin_inff(), 0};
      __builtin_memset(s_.c + m * p_.width.rank, 0, static_cast<std::size_t>(p_.width.rank) * sizeof(float));
    }
    std::int64_t stop = 0;
    for (std::int64_t r = 0; r < rows_; ++r) {
      tokens_[r] = 0;
      const std::int64_t end = p_.tokens(row_ + r);
      if (end > stop) stop = end;
    }
    const std::int64_t first = index * kAttentionSegment;
    if (stop > first + kAttentionSegment) stop = first + kAttentionSegment;
    for (std::int64_t at = first; at < stop; at += kPageTokens)
      block(at, stop - at < kPageTokens ? stop - at : kPageTokens);
  }

  /// All segments in turn, to args.out.
  void run() {
    Running total[kMaxQueries];
    bool none[kMaxQueries];
    for (std::int64_t r = 0; r < rows_; ++r) none[r] = true;
    for (std::int64_t i = 0; i < p_.segments; ++i) {
      segment(i);
      for (std::int64_t m = 0; m < queries(); ++m)
        if (!empty(m / heads_))
          merge(total[m], s_.total + m * p_.width.rank, none[m / heads_], state_[m], s_.c + m * p_.width.rank,
                p_.width.rank);
      for (std::int64_t r = 0; r < rows_; ++r) none[r] = none[r] && empty(r);
    }
    for (std::int64_t m = 0; m < queries(); ++m)
      finish(p_, row_ + m / heads_, head_ + m % heads_, s_.total + m * p_.width.rank, total[m].sum,
             none[m / heads_]);
  }

  static void finish(const AttentionPlan& p, std::int64_t t, std::int64_t h, const float* c, float sum,
                     bool none) {
    const std::int64_t rank = p.args.kv.layout.rank;
    float* out = p.args.out.row(t, h);
    for (std::int64_t d = 0; d < rank; d += Vec::kLanes)
      store_part(out + d, none ? zero() : load(c + d) / all(sum), rank - d);
  }

 private:
  /// The entries' addresses of ranks [at, at + count); entries that are no token are left out.
  std::int64_t find(std::int64_t at, std::int64_t count, const std::byte* (&entry)[kPageTokens]) const {
    const KvLayout& layout = p_.args.kv.layout;
    const KvRow& row = p_.args.rows[static_cast<std::size_t>(row_)];
    const std::size_t offset =
        static_cast<std::size_t>(group_ * (layout.rank + layout.rope_dim)) * layout.element_bytes();
    if (p_.dense) {
      // at is a multiple of a page: one page, one stride.
      const std::byte* first = p_.args.kv.entry(row.pages[at / kPageTokens], 0) + offset;
      const std::size_t stride = static_cast<std::size_t>(layout.entry_elements()) * layout.element_bytes();
      for (std::int64_t i = 0; i < count; ++i) entry[i] = first + static_cast<std::size_t>(i) * stride;
      return count;
    }
    const std::int32_t* idx = p_.args.idx.row(row_) + at;
    std::int64_t found = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t s = idx[i];
      if (s < 0 || s >= row.visible) continue;
      entry[found++] = p_.args.kv.entry(row.pages[s / kPageTokens], s % kPageTokens) + offset;
    }
    return found;
  }

  void block(std::int64_t at, std::int64_t count) {
    const std::byte* entry[kPageTokens];
    const std::int64_t found = find(at, count, entry);
    if (found == 0) return;
    if (p_.args.kv.layout.type == DType::f32)
      block_of<float>(at, entry, found);
    else
      block_of<bf16>(at, entry, found);
  }

  template <class T>
  void block_of(std::int64_t at, const std::byte* const* entry, std::int64_t found) {
    const KvLayout& layout = p_.args.kv.layout;
    const bool whole = layout.rank % Vec::kLanes == 0 && layout.rope_dim % Vec::kLanes == 0;
    if (whole && (queries() <= 3 || std::is_same_v<T, float>)) {
      TokenRows<T> rows;
      for (std::int64_t i = 0; i < found; ++i) {
        rows.c[i] = reinterpret_cast<const T*>(entry[i]);
        rows.k_pe[i] = rows.c[i] + layout.rank;
      }
      attend(at, rows, found);
      return;
    }
    TokenRows<float> rows;
    for (std::int64_t i = 0; i < found; ++i) {
      float* c = s_.wide + i * (p_.width.rank + p_.width.rope);
      const T* from = reinterpret_cast<const T*>(entry[i]);
      widen_elements(from, layout.rank, c);
      widen_elements(from + layout.rank, layout.rope_dim, c + p_.width.rank);
      rows.c[i] = c;
      rows.k_pe[i] = c + p_.width.rank;
    }
    attend(at, rows, found);
  }

  template <class T>
  void attend(std::int64_t at, TokenRows<T>& rows, std::int64_t found) {
    for (std::int64_t i = found; i % 4 != 0; ++i) {
      rows.c[i] = rows.c[found - 1];
      rows.k_pe[i] = rows.k_pe[found - 1];
    }
    const std::int64_t all_queries = queries();
    std::int64_t m = 0;
    const auto score = [&]<int MR>() {
      score_queries<MR>(s_.q + m * p_.q_stride, p_.q_stride, rows, found, p_.width,
                        s_.scores + m * kPageTokens);
      m += MR;
    };
    while (m + 3 <= all_queries) score.template operator()<3>();
    while (m < all_queries) score.template operator()<1>();
    for (std::int64_t r = 0; r < rows_; ++r) {
      // Of a dense range a row sees its own part of the block.
      std::int64_t seen = found;
      if (p_.dense && p_.tokens(row_ + r) - at < seen) seen = p_.tokens(row_ + r) - at;
      if (seen <= 0) continue;
      tokens_[r] += seen;
      float keep[3];
      m = r * heads_;
      const auto values = [&]<int MR>() {
        for (int i = 0; i < MR; ++i)
          keep[i] = weigh(s_.scores + (m + i) * kPageTokens, seen, p_.args.scale, state_[m + i]);
        add_values<MR>(s_.scores + m * kPageTokens, rows, 0, seen, keep, s_.c + m * p_.width.rank,
                       p_.width.rank);
        m += MR;
      };
      while (m + 3 <= (r + 1) * heads_) values.template operator()<3>();
      while (m < (r + 1) * heads_) values.template operator()<1>();
    }
  }

  const AttentionPlan& p_;
  const AttentionScratch& s_;
  std::int64_t row_, rows_, group_, head_, heads_;
  Running state_[kMaxQueries];
  std::int64_t tokens_[kMaxQueries];  // of each row in this segment
};

/// First row of the tile after the one that starts at t: rows of one sequence, side by side.
inline std::int64_t tile_end(const AttentionPlan& p, std::int64_t t) {
  std::int64_t end = t + 1;
  const std::span<const KvRow> rows = p.args.rows;
  while (end < p.n && end - t < p.tile_rows &&
         rows[static_cast<std::size_t>(end)].pages == rows[static_cast<std::size_t>(t)].pages)
    ++end;
  return end;
}

/// Cell c of the rows' cells (group, part of its heads): calls tile(group, first head, heads).
template <class F>
inline void with_heads(const AttentionPlan& p, std::int64_t cell, F tile) {
  const std::int64_t group = cell / p.head_tiles;
  const std::int64_t first = cell % p.head_tiles * p.tile_heads;
  const std::int64_t left = p.group_heads - first;
  tile(group, group * p.group_heads + first, left < p.tile_heads ? left : p.tile_heads);
}

/// Few rows: segments go to different threads, their partial results to scratch and from there into one.
inline void attend_split(Exec& exec, const AttentionPlan& p, float* partial, float* buffers) {
  const std::int64_t cells = p.args.kv.layout.groups * p.head_tiles;
  const std::int64_t each = p.partial_floats();
  const auto slot = [&](std::int64_t t, std::int64_t h, std::int64_t segment) {
    return partial + ((t * p.heads + h) * p.segments + segment) * each;
  };
  exec.parallel_for(p.n * p.segments * cells, 1, [&](std::int64_t begin, std::int64_t end, int thread) {
    const AttentionScratch scratch(p, buffers + thread * AttentionScratch::floats(p));
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t t = i / cells / p.segments, segment = i / cells % p.segments;
      with_heads(p, i % cells, [&](std::int64_t group, std::int64_t head, std::int64_t heads) {
        if (segment * kAttentionSegment >= p.tokens(t)) {
          for (std::int64_t h = head; h < head + heads; ++h) slot(t, h, segment)[p.width.rank + 2] = 0;
          return;
        }
        AttentionTile tile(p, scratch, t, 1, group, head, heads);
        tile.segment(segment);
        for (std::int64_t m = 0; m < heads; ++m) {
          float* to = slot(t, head + m, segment);
          widen_elements(scratch.c + m * p.width.rank, p.width.rank, to);
          to[p.width.rank] = tile.state(m).max;
          to[p.width.rank + 1] = tile.state(m).sum;
          to[p.width.rank + 2] = tile.empty(0) ? 0.0F : 1.0F;
        }
      });
    }
  });
  exec.parallel_for(
      p.n * p.heads, p.n * p.heads < 64 ? p.n * p.heads : 16, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t t = i / p.heads, h = i % p.heads;
          Running total{0, 0};
          bool none = true;
          float* c = slot(t, h, 0);  // segment 0 becomes the total in place
          for (std::int64_t segment = 0; segment < p.segments; ++segment) {
            const float* from = slot(t, h, segment);
            if (from[p.width.rank + 2] == 0) continue;
            merge(total, c, none, {from[p.width.rank], from[p.width.rank + 1]}, from, p.width.rank);
            none = false;
          }
          AttentionTile::finish(p, t, h, c, total.sum, none);
        }
      });
}

void attention(Exec& exec, const AttentionArgs& args) {
  if (args.q_pe.dim(0) == 0) return;
  const AttentionPlan p(args);
  DSA_CHECK(static_cast<std::int64_t>(args.rows.size()) == p.n && p.heads % args.kv.layout.groups == 0);
  DSA_CHECK(args.out.dim(0) == p.n && args.out.dim(1) == p.heads && args.out.dim(2) == args.kv.layout.rank);
  const std::int64_t cells = args.kv.layout.groups * p.head_tiles;
  std::span<std::byte> rest = args.scratch;
  const std::int64_t threads = exec.threads();
  const auto own = take<float>(rest, threads * AttentionScratch::floats(p), 64);
  // With few rows there is more to do than rows and groups can share out evenly.  The result is the same
  // either way.
  const std::int64_t partials = p.n * p.heads * p.segments * p.partial_floats();
  if (p.segments > 1 && p.n <= kAttentionSplitRows && p.n * cells < 4 * threads &&
      rest.size() >= static_cast<std::size_t>(partials) * sizeof(float) + 64) {
    attend_split(exec, p, take<float>(rest, partials, 64).data(), own.data());
    return;
  }
  // Tiles start at fixed rows unless a sequence ends: rows of one tile are found again from its first row.
  const std::int64_t row_cells = (p.n + p.tile_rows - 1) / p.tile_rows;
  exec.parallel_for(row_cells * cells, 1, [&](std::int64_t begin, std::int64_t end, int thread) {
    const AttentionScratch scratch(p, own.data() + thread * AttentionScratch::floats(p));
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i / cells * p.tile_rows;
      const std::int64_t stop = first + p.tile_rows < p.n ? first + p.tile_rows : p.n;
      with_heads(p, i % cells, [&](std::int64_t group, std::int64_t head, std::int64_t heads) {
        for (std::int64_t t = first; t < stop;) {
          std::int64_t next = tile_end(p, t);
          if (next > stop) next = stop;
          AttentionTile(p, scratch, t, next - t, group, head, heads).run();
          t = next;
        }
      });
    }
  });
}
