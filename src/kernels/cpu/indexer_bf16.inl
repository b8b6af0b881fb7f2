// The lightning indexer's scores in BF16 products: queries are rounded to BF16, sums are float32 in ascending
// order of elements.

/// A page of keys.  As FloatKeys.
struct Bf16Keys {
  static constexpr std::int64_t kTokens = kPageTokens;
  static constexpr int kVectors = kPageTokens / Vec::kLanes;

  void turn(const KvView& kv, const KvRow& row, std::int64_t first, std::int64_t count, std::int64_t dim) {
    const auto* keys = reinterpret_cast<const bf16*>(kv.key(row.pages[first / kPageTokens], 0));
    for (std::int64_t t = 0; t < count; t += Vec::kLanes) {
      const bf16* tokens[16];
      // Lanes past the last token repeat it; nobody reads their scores.
      for (std::int64_t i = 0; i < Vec::kLanes; ++i)
        tokens[i] = keys + (t + i < count ? t + i : count - 1) * dim;
      turn_tokens(tokens, dim, turned + t);
    }
  }

  void score(const IndexerQueries& in, std::int64_t t, Vec (&score)[kVectors]) const {
    const std::int64_t heads = in.q.dim(1);
    for (Vec& s : score) s = zero();
    std::int64_t j = 0;
    for (; j + 4 <= heads; j += 4) add_heads<4>(in, t, j, score);
    for (; j < heads; ++j) add_heads<1>(in, t, j, score);
  }

 private:
  /// score += w[j] * relu(q[j] . key) for heads [first, first + NH), ascending.
  template <int NH>
  void add_heads(const IndexerQueries& in, std::int64_t t, std::int64_t first, Vec (&score)[kVectors]) const {
    const std::int64_t dim = in.q.dim(2), pairs = (dim + 1) / 2;
    alignas(64) float rounded[NH][kMaxIndexDim / 2];
    for (int j = 0; j < NH; ++j) round_row(in.q.row(t, first + j), dim, (dim + 15) / 16 * 16, rounded[j]);
    Vec sums[NH][kVectors];
    DSA_UNROLL
    for (int j = 0; j < NH; ++j) {
      DSA_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[j][v] = zero();
    }
    for (std::int64_t e = 0; e < pairs; ++e) {
      Pairs k[kVectors];
      DSA_UNROLL
      for (int v = 0; v < kVectors; ++v) k[v] = load_pairs(turned + e * kTokens + v * Vec::kLanes);
      DSA_UNROLL
      for (int j = 0; j < NH; ++j) {
        const Pairs x = all_pairs(reinterpret_cast<const std::uint32_t*>(rounded[j]) + e);
        DSA_UNROLL
        for (int v = 0; v < kVectors; ++v) sums[j][v] = dot(sums[j][v], k[v], x);
      }
    }
    DSA_UNROLL
    for (int j = 0; j < NH; ++j) {
      const Vec w = all(in.w.row(t) + first + j);
      DSA_UNROLL
      for (int v = 0; v < kVectors; ++v)
        score[v] = fma(w, max(zero(), sums[j][v]), score[v]);  // max keeps a NaN of its second operand
    }
  }

  alignas(64) std::uint32_t turned[kMaxIndexDim / 2 * kTokens];  // [pairs of elements][64]
};
