// The lightning indexer's scores in BF16 products of squares: queries are rounded to BF16; pages of keys
// are what B wants to be.
// Needs: indexer_keys, attention_turned, squares.

/// Heads [first, first + count) of all heads of the rows from t on, rounded: `stride` pairs apart.
inline void round_heads(const IndexerSelectArgs& args, std::int64_t t, std::int64_t first, std::int64_t count,
                        std::int64_t stride, float* to) {
  const std::int64_t heads = args.q.dim(1);
  for (std::int64_t i = 0; i < count; ++i)
    round_row(args.q.row(t + (first + i) / heads, (first + i) % heads), args.q.dim(2), 2 * stride,
              to + i * stride);
}

/// score += w[j] * relu(product[j]) for heads [j, end) of row t, ascending, and as keys once all are in.
inline void add_head_products(const IndexerSelectArgs& args, std::int64_t t, std::int64_t j, std::int64_t end,
                              const float* products, std::int64_t tokens, float* score) {
  for (std::int64_t s = 0; s < tokens; s += Vec::kLanes) {
    Vec sum = j == 0 ? zero() : load_part(score + s, tokens - s);
    for (std::int64_t h = j; h < end; ++h)
      sum = fma(all(args.w.row(t) + h), max(zero(), load(products + (h - j) * kPageTokens + s)), sum);
    store_part(score + s, end == args.q.dim(1) ? order_keys(sum) : sum, tokens - s);
  }
}

inline void score_rows_rounded(const IndexerSelectArgs& args, std::int64_t t, std::int64_t first,
                               TensorView<float, 2> out) {
  constexpr std::int64_t kSpan = 8 * kPageTokens;  // whose keys wait in the second-level cache for all heads
  const std::int64_t heads = args.q.dim(1), all_heads = out.rows() * heads, pairs = (args.q.dim(2) + 1) / 2,
                     stride = parts(pairs, Vec::kLanes) * Vec::kLanes;
  alignas(64) float rounded[kSquareRows * kMaxIndexDim / 2], products[kSquareRows * kPageTokens];
  ProductSquares squares;
  for (std::int64_t span = 0; span < out.cols(); span += kSpan) {
    const std::int64_t stop = out.cols() - span < kSpan ? out.cols() : span + kSpan;
    for (std::int64_t m = 0; m < all_heads; m += kSquareRows) {
      const std::int64_t count = all_heads - m < kSquareRows ? all_heads - m : kSquareRows;
      round_heads(args, t, m, count, stride, rounded);
      for (std::int64_t at = span; at < stop; at += kPageTokens) {
        const std::int32_t page = args.rows[static_cast<std::size_t>(t)].pages[(first + at) / kPageTokens];
        const auto* words = reinterpret_cast<const std::uint32_t*>(args.kv.key_page(page));
        multiply_page(squares, reinterpret_cast<const std::uint32_t*>(rounded), stride,
                      static_cast<int>(count), words, pairs, products, [] {});
        const std::int64_t tokens = stop - at < kPageTokens ? stop - at : kPageTokens;
        for (std::int64_t i = 0, next = 0; i < count; i = next) {
          const std::int64_t row = (m + i) / heads, j = (m + i) % heads;
          next = count - i < heads - j ? count : i + heads - j;
          add_head_products(args, t + row, j, j + next - i, products + i * kPageTokens, tokens,
                            out.row(row) + at);
        }
      }
    }
  }
}
