// A block of tokens for the queries of one group, in BF16 products of squares: 16 queries at a time, or as
// many as there are.  A score runs over its elements 32 at a time, a sum of values over the 64 tokens of
// the block in two halves, whatever the number of queries and of tokens (docs/adr/0022-amx.md).
//
// Tokens that a row does not see have the weight 0.  Where their values are finite the products are zeros,
// whose signs can change nothing but the sign of a zero, which finish() drops; where they are not, the row is
// multiplied with zeros in their place.
// Needs: attention_turned, squares.

/// Values as B: [16 elements of c][32 pairs of tokens][16] words; tokens from `seen` on are zeros.
inline void pair_values(const AttentionPlan& p, const TurnedTokens& tokens, std::int64_t seen,
                        std::uint32_t* out) {
  const std::int64_t rank = p.args.kv.layout.rank;
  for (std::int64_t t = 0; t < kPageTokens; t += 2)
    for (std::int64_t d = 0; d < rank; d += Pairs::kElements) {
      const auto values = [&](std::int64_t token) {
        return token < seen ? load_pairs_part(tokens.c[token] + d, rank - d) : Pairs{_mm512_setzero_si512()};
      };
      const PairedRows paired = pair_up(values(t), values(t + 1));
      std::uint32_t* to = out + (d * kPageTokens + t * Vec::kLanes) / 2;
      store_pairs(to, paired.low);
      store_pairs(to + kPageTokens / 2 * Vec::kLanes, paired.high);
    }
}

/// True if the values of tokens [first, count) have neither NaN nor an infinity.
inline bool finite_values(const AttentionPlan& p, const TurnedTokens& tokens, std::int64_t first) {
  const std::int64_t rank = p.args.kv.layout.rank;
  __m512i largest = _mm512_setzero_si512();
  for (std::int64_t t = first; t < tokens.count; ++t)
    for (std::int64_t d = 0; d < rank; d += Pairs::kElements)
      largest = _mm512_max_epu16(
          largest, _mm512_and_si512(load_pairs_part(tokens.c[t] + d, rank - d).v, _mm512_set1_epi16(0x7FFF)));
  return _mm512_cmpge_epu16_mask(largest, _mm512_set1_epi16(0x7F80)) == 0;
}

/// c[m] = keep[m] * c[m] + sum over the block of weight * value, for queries [first, last).
inline void add_paired(const AttentionPlan& p, const GroupBlock& b, const std::uint32_t* values,
                       std::int64_t first, std::int64_t last, const float* keep, ProductSquares& squares,
                       Fetcher& ahead) {
  const std::int64_t rank = p.width.rank, pitch = 4 * rank;
  for (std::int64_t m = first; m < last; m += kSquareRows) {
    const std::int64_t rows = last - m < kSquareRows ? last - m : kSquareRows;
    float* out = b.c + m * rank;
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t d = 0; d < rank; d += Vec::kLanes)
        store(out + i * rank + d, load(out + i * rank + d) * all(keep[m + i]));
    squares.shape(static_cast<int>(rows), kSquareWords);
    const float* weights = b.scores + m * kPageTokens;
    square_load<4>(weights, kPagePitch);
    square_load<5>(weights + kSquareWords, kPagePitch);
    // A square of B is sixteen elements of c of half the tokens.
    constexpr std::int64_t kHalf = kSquareRows * kSquareWords;
    for (std::int64_t d = 0; d < rank; d += 2 * kSquareWords, values += 4 * kHalf) {
      ahead.ask(16);
      square_load<0>(out + d, pitch);
      square_load<6>(values, kSquareBytes);
      square_dot_bf16<0, 4, 6>();
      square_load<1>(out + d + kSquareWords, pitch);
      square_load<7>(values + 2 * kHalf, kSquareBytes);
      square_dot_bf16<1, 4, 7>();
      square_load<6>(values + kHalf, kSquareBytes);
      square_dot_bf16<0, 5, 6>();
      square_load<7>(values + 3 * kHalf, kSquareBytes);
      square_dot_bf16<1, 5, 7>();
      square_store<0>(out + d, pitch);
      square_store<1>(out + d + kSquareWords, pitch);
    }
    values -= rank * kPageTokens / 2;
  }
}

/// Weights of what lies behind the last token that is seen.
inline void clear_behind(const GroupBlock& b) {
  for (std::int64_t r = 0; r < b.rows; ++r)
    for (std::int64_t m = r * b.heads; b.seen[r] > 0 && m < (r + 1) * b.heads; ++m) {
      const std::int64_t written = parts(b.seen[r], Vec::kLanes) * Vec::kLanes;
      __builtin_memset(reinterpret_cast<std::uint16_t*>(b.scores + m * kPageTokens) + written, 0,
                       static_cast<std::size_t>(kPageTokens - written) * sizeof(bf16));
    }
}

inline void attend_squares(const AttentionPlan& p, const GroupBlock& b, const TurnedTokens& tokens,
                           std::uint32_t* values, ProductSquares& squares, Fetcher& ahead) {
  const std::int64_t pairs = (p.width.q_c + p.width.rope) / 2;
  for (std::int64_t m = 0; m < b.queries(); m += kSquareRows) {
    const std::int64_t left = b.queries() - m;
    multiply_page(squares, reinterpret_cast<const std::uint32_t*>(b.q + m * p.q_stride), p.q_stride,
                  static_cast<int>(left < kSquareRows ? left : kSquareRows), tokens.keys, pairs,
                  b.scores + m * kPageTokens, [&] { ahead.ask(16); });
  }
  float keep[kMaxQueries];
  weigh_block(p, b, keep);
  clear_behind(b);
  std::int64_t least = tokens.count;
  for (std::int64_t r = 0; r < b.rows; ++r)
    if (b.seen[r] > 0 && b.seen[r] < least) least = b.seen[r];
  const bool shared = finite_values(p, tokens, least);
  if (shared) pair_values(p, tokens, tokens.count, values);
  for (std::int64_t r = 0, next = 0; r < b.rows; r = next) {
    // Rows that see nothing of the block keep their sums; of the others as many as stand together, or one.
    next = r + 1;
    if (b.seen[r] == 0) continue;
    if (shared)
      while (next < b.rows && b.seen[next] > 0) ++next;
    else
      pair_values(p, tokens, b.seen[r], values);
    add_paired(p, b, values, r * b.heads, next * b.heads, keep, squares, ahead);
  }
}

template <class T>
void attend_group(const AttentionPlan& p, const GroupBlock& b, const AttentionScratch& own) {
  if (!rounds_to_bf16(p)) return attend_group_float<T>(p, b, own.block);
  auto* keys = reinterpret_cast<std::uint32_t*>(own.block);
  TurnedTokens tokens{.keys = keys, .c = {}, .count = b.entries.count};
  Fetcher ahead(b.ahead);
  turn_block(p, b, keys, tokens, ahead);
  // Keys and values in pairs of 32 bits fill the block, which has room for both as floats, to a half at most.
  attend_squares(p, b, tokens, keys + (p.width.q_c + p.width.rope) / 2 * kPageTokens, own.registers, ahead);
  ahead.ask_for_the_rest();
}
