// How a call of attention is cut into tiles, and the buffers of one.  A tile is, for a dense range, heads of
// one group in neighbouring rows of one sequence, which share all they read; else one row's heads in some
// groups, so that a token's groups are fetched in one visit.
// Needs: vec, attention_block; kRowElements, kQueryStep, HeldRegisters.

inline std::int64_t parts(std::int64_t n, std::int64_t each) { return (n + each - 1) / each; }
inline std::int64_t padded(std::int64_t n) { return parts(n, kRowElements) * kRowElements; }

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
      const std::int64_t here = attention_segments(tokens(t));
      if (here > segments) segments = here;
    }
    tile_heads = group_heads < kMaxTileHeads ? group_heads : kMaxTileHeads;
    head_tiles = parts(group_heads, tile_heads);
    if (dense && n > 1 && a.rows[0].pages == a.rows[1].pages) {
      tile_rows = kMaxQueries / tile_heads;
      for (std::int64_t rows = tile_rows; rows > tile_rows / 2; --rows)
        if (rows * tile_heads % kQueryStep == 0) {
          tile_rows = rows;
          break;
        }
    } else if (head_tiles == 1) {
      // All groups of a token in one visit, unless the threads would run short of tiles.
      tile_groups = parts(groups, parts(threads, n * segments));
      if (tile_groups * tile_heads > kMaxQueries) tile_groups = kMaxQueries / tile_heads;
    }
    group_tiles = parts(groups, tile_groups);
    width.rank = padded(a.kv.layout.rank);
    width.q_c = a.q_c.empty() ? 0 : width.rank;
    width.rope = padded(a.kv.layout.rope_dim);
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
  float* block;   // [64][rank + rope]: a block in the form the products want
  float* q;       // [queries][q_stride]
  float* scores;  // [queries][64]
  float* c;       // [queries][rank] of the segment
  float* total;   // [queries][rank] of all segments
  mutable HeldRegisters registers;

  static std::int64_t floats(const AttentionPlan& p) {
    return kPageTokens * (p.width.rank + p.width.rope) +
           kMaxQueries * (p.q_stride + kPageTokens + 2 * p.width.rank) + 16;
  }
  AttentionScratch(const AttentionPlan& p, float* at)
      : block(at),
        q(block + kPageTokens * (p.width.rank + p.width.rope)),
        scores(q + kMaxQueries * p.q_stride),
        c(scores + kMaxQueries * kPageTokens),
        total(c + kMaxQueries * p.width.rank) {}
};

/// The tokens of a block: where their entries start.
struct Entries {
  const std::byte* at[kPageTokens];
  std::int64_t count = 0;
};

/// The queries of one group in a tile, query m is head m % heads of row m / heads, and a block's tokens.
struct GroupBlock {
  std::int64_t rows, heads;
  const std::int64_t* seen;  // [rows] of the block's tokens, from the first on
  float* q;                  // [queries][q_stride]
  float* scores;             // [queries][64]
  float* c;                  // [queries][rank]: sums so far
  Running* state;            // [queries]
  const Entries& entries;    // at least one
  std::size_t offset;        // of the group within an entry
  Ahead ahead;

  [[nodiscard]] std::int64_t queries() const { return rows * heads; }
};
