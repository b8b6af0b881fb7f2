// The lightning indexer's scores in BF16 products: queries are rounded to BF16, sums are
// float32 in ascending order of elements.
// Needs: steps, indexer_keys, attention_turned.

/// Keys in BF16.  As FloatKeys, a page at once.
struct Bf16Keys {
  static constexpr int kVectors = kPageTokens / Vec::kLanes;

  static void score(const IndexerSelectArgs& args, std::int64_t t, const std::uint32_t* words,
                    Vec (&score)[kVectors]) {
    for (Vec& s : score) s = zero();
    in_steps<4, 1>(0, args.q.dim(1),
                   [&]<int NH>(std::int64_t j) { add_heads<NH>(args, t, j, words, score); });
  }

 private:
  /// score += w[j] * relu(q[j] . key) for heads [first, first + NH), ascending.
  template <int NH>
  static void add_heads(const IndexerSelectArgs& args, std::int64_t t, std::int64_t first,
                        const std::uint32_t* words, Vec (&score)[kVectors]) {
    const std::int64_t dim = args.q.dim(2), pairs = (dim + 1) / 2;
    alignas(64) float rounded[NH][kMaxIndexDim / 2];
    for (int j = 0; j < NH; ++j) round_row(args.q.row(t, first + j), dim, (dim + 15) / 16 * 16, rounded[j]);
    Vec sums[NH][kVectors];
    DSA_UNROLL
    for (int j = 0; j < NH; ++j) {
      DSA_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[j][v] = zero();
    }
    for (std::int64_t e = 0; e < pairs; ++e) {
      fetch_keys(words + e * kPageTokens, kPageTokens);
      Pairs k[kVectors];
      DSA_UNROLL
      for (int v = 0; v < kVectors; ++v) k[v] = load_pairs(words + e * kPageTokens + v * Vec::kLanes);
      DSA_UNROLL
      for (int j = 0; j < NH; ++j) {
        const Pairs x = all_pairs(reinterpret_cast<const std::uint32_t*>(rounded[j]) + e);
        DSA_UNROLL
        for (int v = 0; v < kVectors; ++v) sums[j][v] = dot(sums[j][v], k[v], x);
      }
    }
    DSA_UNROLL
    for (int j = 0; j < NH; ++j) {
      const Vec w = all(args.w.row(t) + first + j);
      DSA_UNROLL
      for (int v = 0; v < kVectors; ++v)
        score[v] = fma(w, max(zero(), sums[j][v]), score[v]);  // max keeps a NaN of its second operand
    }
  }
};

inline void score_rows_rounded(const IndexerSelectArgs& args, std::int64_t t, std::int64_t first,
                               TensorView<float, 2> out) {
  score_rows_by<Bf16Keys>(args, t, first, out);
}
