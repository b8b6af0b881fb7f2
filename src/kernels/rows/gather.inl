// Products with selected rows (row_kernels.h).  Included inside an instruction set's
// namespace and target region.
// Needs: vec, steps.

/// Vectors of a row that gather_sum keeps in registers.
inline constexpr int kGatherVecs = 4;

template <int H>
[[gnu::always_inline]] inline void dots_of(const GatherArgs& g, std::int64_t head) {
  const float* a = g.a + head * g.a_row;
  for (std::int64_t i = 0; i < g.count; ++i) {
    const float* row = g.rows + g.idx[i] * g.stride;
    Vec acc[H];
    DSA_UNROLL
    for (int h = 0; h < H; ++h) acc[h] = zero();
    std::int64_t d = 0;
    for (; d + Vec::kLanes <= g.dim; d += Vec::kLanes) {
      const Vec x = load(row + d);
      DSA_UNROLL
      for (int h = 0; h < H; ++h) acc[h] = fma(load(a + h * g.a_row + d), x, acc[h]);
    }
    if (d < g.dim) {
      const Vec x = load_part(row + d, g.dim - d);
      DSA_UNROLL
      for (int h = 0; h < H; ++h) acc[h] = fma(load_part(a + h * g.a_row + d, g.dim - d), x, acc[h]);
    }
    DSA_UNROLL
    for (int h = 0; h < H; ++h) g.p[(head + h) * g.p_row + i] = g.scale * sum(acc[h]);
  }
}

template <int H, bool kWhole>
[[gnu::always_inline]] inline void sum_tile(const GatherArgs& g, std::int64_t head, std::int64_t first) {
  const std::int64_t left = g.dim - first;
  const float* p = g.p + head * g.p_row;
  Vec acc[H][kGatherVecs];
  DSA_UNROLL
  for (int h = 0; h < H; ++h) {
    DSA_UNROLL
    for (int v = 0; v < kGatherVecs; ++v) acc[h][v] = zero();
  }
  for (std::int64_t i = 0; i < g.count; ++i) {
    const float* row = g.rows + g.idx[i] * g.stride + first;
    Vec x[kGatherVecs];
    DSA_UNROLL
    for (int v = 0; v < kGatherVecs; ++v)
      x[v] = kWhole ? load(row + v * Vec::kLanes) : load_part(row + v * Vec::kLanes, left - v * Vec::kLanes);
    DSA_UNROLL
    for (int h = 0; h < H; ++h) {
      const Vec weight = all(p[h * g.p_row + i]);
      DSA_UNROLL
      for (int v = 0; v < kGatherVecs; ++v) acc[h][v] = fma(weight, x[v], acc[h][v]);
    }
  }
  DSA_UNROLL
  for (int h = 0; h < H; ++h) {
    DSA_UNROLL
    for (int v = 0; v < kGatherVecs; ++v)
      if (left - v * Vec::kLanes > 0)
        store_part(g.a + (head + h) * g.a_row + first + v * Vec::kLanes, acc[h][v] * all(g.scale),
                   left - v * Vec::kLanes);
  }
}

template <int H>
[[gnu::always_inline]] inline void sum_of(const GatherArgs& g, std::int64_t head) {
  constexpr std::int64_t kTile = kGatherVecs * Vec::kLanes;
  for (std::int64_t first = 0; first < g.dim; first += kTile)
    if (first + kTile <= g.dim)
      sum_tile<H, true>(g, head, first);
    else
      sum_tile<H, false>(g, head, first);
}

template <int H>
[[gnu::always_inline]] inline void scatter_of(const GatherArgs& g, std::int64_t head) {
  const float* a = g.a + head * g.a_row;
  for (std::int64_t i = 0; i < g.count; ++i) {
    float* row = g.rows + g.idx[i] * g.stride;
    Vec weight[H];
    DSA_UNROLL
    for (int h = 0; h < H; ++h) weight[h] = all(g.scale * g.p[(head + h) * g.p_row + i]);
    std::int64_t d = 0;
    for (; d + Vec::kLanes <= g.dim; d += Vec::kLanes) {
      Vec y = load(row + d);
      DSA_UNROLL
      for (int h = 0; h < H; ++h) y = fma(weight[h], load(a + h * g.a_row + d), y);
      store(row + d, y);
    }
    if (d == g.dim) continue;
    Vec y = load_part(row + d, g.dim - d);
    DSA_UNROLL
    for (int h = 0; h < H; ++h) y = fma(weight[h], load_part(a + h * g.a_row + d, g.dim - d), y);
    store_part(row + d, y, g.dim - d);
  }
}

void gather_dots(const GatherArgs& g) {
  in_steps<4, 3, 2, 1>(0, g.heads, [&]<int H>(std::int64_t head) { dots_of<H>(g, head); });
}
void gather_sum(const GatherArgs& g) {
  in_steps<4, 3, 2, 1>(0, g.heads, [&]<int H>(std::int64_t head) { sum_of<H>(g, head); });
}
void scatter_add(const GatherArgs& g) {
  in_steps<4, 3, 2, 1>(0, g.heads, [&]<int H>(std::int64_t head) { scatter_of<H>(g, head); });
}
