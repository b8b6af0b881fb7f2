// The pairs of one instruction set.
#include "kernels/rows/pair_kernels.h"
#include "kernels/vec/includes.h"

#include DSA_BEGIN_FAMILY

namespace {

#include DSA_VEC

#include "kernels/vec/avx512_bf16/pairs.inl"
#include "kernels/vec/steps.inl"

void round_rows(const RoundArgs& r) {
  const std::int64_t pairs = pairs_for(r.dim);
  for (std::int64_t i = 0; i < r.rows; ++i) {
    const float* x = r.x + i * r.stride;
    auto* to = reinterpret_cast<std::uint16_t*>(r.to + i * pairs);
    for (std::int64_t d = 0; d < 2 * pairs; d += Vec::kLanes)
      _mm256_mask_storeu_epi16(to + d, first_lanes(2 * pairs - d),
                               to_bf16(load_part(x + d, r.dim - d) * all(r.scale)));
  }
}

void round_panel(const RoundArgs& r) {
  const std::int64_t pairs = pairs_for(r.dim);
  for (std::int64_t first = 0; first < pairs; first += Vec::kLanes) {
    Vec words[kPanel];
    for (std::int64_t i = 0; i < kPanel; ++i) {
      words[i] = zero();
      if (i >= r.rows) continue;
      const float* x = r.x + i * r.stride + 2 * first;
      const std::int64_t left = r.dim - 2 * first;
      const Vec low = load_part(x, left) * all(r.scale);
      const Vec high = load_part(x + Vec::kLanes, left - Vec::kLanes) * all(r.scale);
      words[i].v = reinterpret_cast<__m512>(_mm512_cvtne2ps_pbh(high.v, low.v));
    }
    transpose(words);
    for (std::int64_t e = first; e < pairs && e < first + Vec::kLanes; ++e)
      store(reinterpret_cast<float*>(r.to + e * kPanel), words[e - first]);
  }
}

/// MR rows by NP panels.
template <int MR, int NP>
void product_tile(const PairProductArgs& p, std::int64_t row, std::int64_t panel) {
  const std::uint32_t* a = p.a + row * p.pairs;
  const std::uint32_t* b = p.b + panel * p.pairs * kPanel;
  Vec acc[MR][NP];
  DSA_UNROLL
  for (int i = 0; i < MR; ++i) {
    DSA_UNROLL
    for (int v = 0; v < NP; ++v) acc[i][v] = zero();
  }
  for (std::int64_t k = 0; k < p.pairs; ++k) {
    Pairs x[NP];
    DSA_UNROLL
    for (int v = 0; v < NP; ++v) x[v] = load_pairs(b + (v * p.pairs + k) * kPanel);
    DSA_UNROLL
    for (int i = 0; i < MR; ++i) {
      const Pairs w = all_pairs(a + i * p.pairs + k);
      DSA_UNROLL
      for (int v = 0; v < NP; ++v) acc[i][v] = dot(acc[i][v], x[v], w);
    }
  }
  float* c = p.c + row * p.c_row + panel * kPanel;
  DSA_UNROLL
  for (int i = 0; i < MR; ++i) {
    DSA_UNROLL
    for (int v = 0; v < NP; ++v) store(c + i * p.c_row + v * kPanel, acc[i][v]);
  }
}

void product(const PairProductArgs& p) {
  static_assert(kPanel == Vec::kLanes);
  in_steps<4, 1>(0, p.panels, [&]<int NP>(std::int64_t panel) {
    in_steps<6, 3, 1>(0, p.m, [&]<int MR>(std::int64_t row) { product_tile<MR, NP>(p, row, panel); });
  });
}

}  // namespace

extern const PairKernels kPairs = {.round_rows = round_rows, .round_panel = round_panel, .product = product};

#include "kernels/vec/end.h"
