// What mla_rounded.inl needs, by vectors.
// Needs: vec, steps, pairs, linear_pairs, linear_cells, linear_bf16, linear_fp8, no_squares.

inline constexpr std::int64_t kPageRows = 12;  // of a page's products at a time
inline constexpr std::int64_t kRowsHere = kMostRows;

template <int MR>
void multiply_rows(const std::uint32_t* a, std::int64_t a_stride, const std::uint32_t* page,
                   std::int64_t pairs, float* c) {
  constexpr int kVectors = kPageTokens / Vec::kLanes;
  Vec sums[MR][kVectors];
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    DSA_UNROLL
    for (int v = 0; v < kVectors; ++v) sums[r][v] = zero();
  }
  for (std::int64_t k = 0; k < pairs; ++k) {
    Pairs b[kVectors];
    DSA_UNROLL
    for (int v = 0; v < kVectors; ++v) b[v] = load_pairs(page + k * kPageTokens + v * Vec::kLanes);
    DSA_UNROLL
    for (int r = 0; r < MR; ++r) {
      const Pairs x = all_pairs(a + r * a_stride + k);
      DSA_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[r][v] = dot(sums[r][v], b[v], x);
    }
  }
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    DSA_UNROLL
    for (int v = 0; v < kVectors; ++v) store(c + r * kPageTokens + v * Vec::kLanes, sums[r][v]);
  }
}

/// c[rows][64] = a[rows][pairs] page[pairs][64], pair after pair; rows of `a` are a_stride pairs apart.
template <class Meanwhile>
void multiply_page(HeldRegisters&, const std::uint32_t* a, std::int64_t a_stride, int rows,
                   const std::uint32_t* page, std::int64_t pairs, float* c, const Meanwhile&) {
  in_steps<6, 3, 2, 1>(0, rows, [&]<int MR>(std::int64_t r) {
    multiply_rows<MR>(a + r * a_stride, a_stride, page, pairs, c + r * kPageTokens);
  });
}

/// All rows of x, to memory that has room for them.
inline RoundedX round_here(const LinearArgs& args, bf16* to) {
  const std::int64_t stride = pairs_stride(args);
  for (std::int64_t t = 0; t < args.x.rows(); ++t)
    for (std::int64_t k = 0; k < stride; k += kScaleBlock) round_part(args, false, t, k, to + t * stride + k);
  return {to, stride};
}

/// An output for n rows of x, by one thread.
inline void multiply_here(const LinearOutput& out, const RoundedX& x, std::int64_t n) {
  const bool fp8 = out.weight.type == DType::f8_e4m3;
  const std::int64_t group = fp8 ? fp8_group(n) : bf16_group(n);
  for (std::int64_t first = 0; first < out.weight.rows; first += group) {
    const Cell cell{first, 0, n, first == 0};
    if (fp8)
      fp8_cell(out, cell, group, x);
    else
      bf16_cell(out, cell, group, x);
  }
}
