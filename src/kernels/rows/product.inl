// The product of row_kernels.h.  Included inside an instruction set's namespace and target region.
// Needs: vec, steps.

/// MR rows by one panel: every element of B is used MR times while it is in a register.
template <int MR, bool kWhole>
[[gnu::always_inline]] inline void product_tile(const ProductArgs& p, std::int64_t row, std::int64_t panel,
                                                std::int64_t columns) {
  constexpr int NV = static_cast<int>(kPanel / Vec::kLanes);
  const float* a = p.a + row * p.a_row;
  const float* b = p.b + panel * p.b_panel;
  float* c = p.c + row * p.c_row + panel * kPanel;
  const auto in_vec = [&](int v) { return columns - v * Vec::kLanes; };
  Vec acc[MR][NV];
  DSA_UNROLL
  for (int i = 0; i < MR; ++i) {
    DSA_UNROLL
    for (int v = 0; v < NV; ++v) {
      const float* at = c + i * p.c_row + v * Vec::kLanes;
      acc[i][v] = !p.accumulate ? zero() : kWhole ? load(at) : load_part(at, in_vec(v));
    }
  }
  for (std::int64_t k = 0; k < p.k; ++k, a += p.a_col, b += p.b_row) {
    Vec x[NV];
    DSA_UNROLL
    for (int v = 0; v < NV; ++v)
      x[v] = kWhole ? load(b + v * Vec::kLanes) : load_part(b + v * Vec::kLanes, in_vec(v));
    DSA_UNROLL
    for (int i = 0; i < MR; ++i) {
      const Vec w = all(a[i * p.a_row]);
      DSA_UNROLL
      for (int v = 0; v < NV; ++v) acc[i][v] = fma(w, x[v], acc[i][v]);
    }
  }
  DSA_UNROLL
  for (int i = 0; i < MR; ++i) {
    DSA_UNROLL
    for (int v = 0; v < NV; ++v) {
      float* at = c + i * p.c_row + v * Vec::kLanes;
      if (kWhole)
        store(at, acc[i][v]);
      else if (in_vec(v) > 0)
        store_part(at, acc[i][v], in_vec(v));
    }
  }
}

template <int MR>
void product_rows(const ProductArgs& p, std::int64_t row, std::int64_t panel) {
  const std::int64_t columns = p.n - panel * kPanel;
  if (columns >= kPanel)
    product_tile<MR, true>(p, row, panel, kPanel);
  else
    product_tile<MR, false>(p, row, panel, columns);
}

void product(const ProductArgs& p) {
  constexpr int kMost = kProductRows;
  for (std::int64_t panel = 0; panel < panels_for(p.n); ++panel)
    in_steps<kMost, kMost / 2, kMost / 4, 1>(
        0, p.m, [&]<int MR>(std::int64_t row) { product_rows<MR>(p, row, panel); });
}
