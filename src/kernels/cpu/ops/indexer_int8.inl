// The lightning indexer's scores over keys in int8: queries are rounded as keys were, sums of products are
// exact, so that every family has the same bits.
// Needs: vec, steps, int8_rows, indexer_keys.

/// NH heads of a row of queries.
template <int NH>
struct Int8Heads {
  alignas(64) std::int8_t q[NH][kMaxIndexDim];
  float w[NH];            // head weight times the query's scale
  std::int32_t sums[NH];  // of q
  bool first, last;       // of the row's heads

  Int8Heads(const IndexerSelectArgs& args, std::int64_t t, std::int64_t j)
      : first(j == 0), last(j + NH == args.q.dim(1)) {
    const std::int64_t dim = args.q.dim(2);
    for (int i = 0; i < NH; ++i) {
      w[i] = args.w.row(t)[j + i] * round_int8(args.q.row(t, j + i), dim, q[i]);
      sums[i] = 0;
      for (std::int64_t d = 0; d < dim; ++d) sums[i] += q[i][d];
    }
  }
};

inline constexpr int kInt8Vectors = Vec::kLanes == 16 ? 4 : 2;  // of tokens scored at once

/// What these heads add to scores of tokens from the one on whose first word is *words; after the last head
/// times the keys' scales, and as keys that order like integers.
template <int NH>
void add_int8_heads(const Int8Heads<NH>& heads, const std::uint32_t* words, std::int64_t count,
                    std::int64_t left, float* scores) {
  Products<1, true> sums[NH][kInt8Vectors];
  for (std::int64_t e = 0; e < count; ++e, words += kPageTokens) {
    if (heads.first) fetch_keys(words, kInt8Vectors * Vec::kLanes);
    Bytes k[kInt8Vectors];
    DSA_UNROLL
    for (int v = 0; v < kInt8Vectors; ++v)
      k[v] = load_bytes(reinterpret_cast<const std::byte*>(words + v * Vec::kLanes));
    DSA_UNROLL
    for (int i = 0; i < NH; ++i) {
      const Bytes x = all_bytes(heads.q[i] + 4 * e);
      DSA_UNROLL
      for (int v = 0; v < kInt8Vectors; ++v) sums[i][v].template add<0>(k[v], x);
    }
  }
  DSA_UNROLL
  for (int v = 0; v < kInt8Vectors; ++v) {
    const std::int64_t at = v * Vec::kLanes;
    Vec score = heads.first ? zero() : load_part(scores + at, left - at);
    DSA_UNROLL
    for (int i = 0; i < NH; ++i) {
      Ints total = sums[i][v].total;
      if constexpr (kSignedOffset > 0) total = total - all_shifted<kSignedOffset>(&heads.sums[i]);
      score = fma(all(heads.w + i), max(zero(), to_float(total)), score);
    }
    if (heads.last) score = order_keys(score * load(reinterpret_cast<const float*>(words) + at));
    store_part(scores + at, score, left - at);
  }
}

/// As score_rows_by().
inline void score_rows_int8(const IndexerSelectArgs& args, std::int64_t t, std::int64_t first,
                            TensorView<float, 2> out) {
  const std::int32_t* pages = args.rows[static_cast<std::size_t>(t)].pages + first / kPageTokens;
  const std::int64_t words = args.kv.layout.key_words() - 1;
  for (std::int64_t r = 0; r < out.rows(); ++r)
    in_steps<4, 1>(0, args.q.dim(1), [&]<int NH>(std::int64_t j) {
      const Int8Heads<NH> heads(args, t + r, j);
      for (std::int64_t at = 0; at < out.cols(); at += kPageTokens) {
        const auto* page = reinterpret_cast<const std::uint32_t*>(args.kv.key_page(pages[at / kPageTokens]));
        for (std::int64_t i = 0; i < kPageTokens && at + i < out.cols(); i += kInt8Vectors * Vec::kLanes)
          add_int8_heads(heads, page + i, words, out.cols() - at - i, out.row(r) + at + i);
      }
    });
}
