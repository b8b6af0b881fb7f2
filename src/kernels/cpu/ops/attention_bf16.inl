// A block of tokens for the queries of one group, in BF16 products: sums are float32.  Values are paired up
// token by token as they pass.  Every sum runs in ascending order of elements (scores) or tokens (values),
// whatever the number of queries.
// Needs: attention_turned.

/// scores[m][t] = q[m] . k[t] for MR queries and the tokens of NT registers.
template <int MR, int NT>
void score_turned(const float* q, std::int64_t q_stride, const std::uint32_t* keys, std::int64_t pairs,
                  float* scores, Fetcher& ahead) {
  Vec acc[MR][NT];
  DSA_UNROLL
  for (int m = 0; m < MR; ++m) {
    DSA_UNROLL
    for (int t = 0; t < NT; ++t) acc[m][t] = zero();
  }
  for (std::int64_t e = 0; e < pairs; ++e) {
    ahead.ask(2);
    Pairs k[NT];
    DSA_UNROLL
    for (int t = 0; t < NT; ++t) k[t] = load_pairs(keys + e * kPageTokens + t * Vec::kLanes);
    DSA_UNROLL
    for (int m = 0; m < MR; ++m) {
      const Pairs x = all_pairs(reinterpret_cast<const std::uint32_t*>(q + m * q_stride) + e);
      DSA_UNROLL
      for (int t = 0; t < NT; ++t) acc[m][t] = dot(acc[m][t], k[t], x);
    }
  }
  DSA_UNROLL
  for (int m = 0; m < MR; ++m) {
    DSA_UNROLL
    for (int t = 0; t < NT; ++t) store(scores + m * kPageTokens + t * Vec::kLanes, acc[m][t]);
  }
}

/// acc[m] += p[m] * c of two tokens; `left` elements of c are there.
template <int MR, int NV>
[[gnu::always_inline]] inline void add_pair(const float* p, std::int64_t pair, const bf16* c0, const bf16* c1,
                                            std::int64_t left, Vec (&acc)[MR][NV]) {
  Pairs x[NV];
  DSA_UNROLL
  for (int v = 0; v < NV; v += 2) {
    const std::int64_t at = v * Vec::kLanes;
    const PairedRows paired =
        pair_up(load_pairs_part(c0 + at, left - at), load_pairs_part(c1 + at, left - at));
    x[v] = paired.low, x[v + 1] = paired.high;
  }
  DSA_UNROLL
  for (int m = 0; m < MR; ++m) {
    const Pairs weight = all_pairs(reinterpret_cast<const std::uint32_t*>(p + m * kPageTokens) + pair);
    DSA_UNROLL
    for (int v = 0; v < NV; ++v) acc[m][v] = dot(acc[m][v], x[v], weight);
  }
}

/// out[m] = keep[m] * out[m] + sum over the first `seen` tokens of p[m][t] * c[t], for NV registers of c.
template <int MR, int NV>
void add_values_at(const float* p, const TurnedTokens& tokens, std::int64_t seen, const float* keep,
                   float* out, std::int64_t out_stride, std::int64_t d, std::int64_t left, Fetcher& ahead) {
  Vec acc[MR][NV];
  DSA_UNROLL
  for (int m = 0; m < MR; ++m) {
    DSA_UNROLL
    for (int v = 0; v < NV; ++v) acc[m][v] = load(out + m * out_stride + d + v * Vec::kLanes) * all(keep[m]);
  }
  std::int64_t t = 0;
  if (left >= NV * Vec::kLanes)
    for (; t + 2 <= seen; t += 2) {
      ahead.ask(3);
      add_pair(p, t / 2, tokens.c[t] + d, tokens.c[t + 1] + d, NV * Vec::kLanes, acc);
    }
  else
    for (; t + 2 <= seen; t += 2) add_pair(p, t / 2, tokens.c[t] + d, tokens.c[t + 1] + d, left, acc);
  // The partner of an odd last token has the weight 0: itself, and not a token that the row may not see.
  if (t < seen) add_pair(p, t / 2, tokens.c[t] + d, tokens.c[t] + d, left, acc);
  DSA_UNROLL
  for (int m = 0; m < MR; ++m) {
    DSA_UNROLL
    for (int v = 0; v < NV; ++v) store(out + m * out_stride + d + v * Vec::kLanes, acc[m][v]);
  }
}

inline void add_turned(const AttentionPlan& p, const GroupBlock& b, const TurnedTokens& tokens,
                       std::int64_t first, std::int64_t last, std::int64_t seen, const float* keep,
                       Fetcher& ahead) {
  const std::int64_t rank = p.args.kv.layout.rank;
  in_steps<6, 3, 2, 1>(first, last, [&]<int MR>(std::int64_t m) {
    const float* weights = b.scores + m * kPageTokens;
    float* out = b.c + m * p.width.rank;
    std::int64_t d = 0;
    for (; d + 4 * Vec::kLanes <= p.width.rank; d += 4 * Vec::kLanes)
      add_values_at<MR, 4>(weights, tokens, seen, keep + m, out, p.width.rank, d, rank - d, ahead);
    for (; d < p.width.rank; d += 2 * Vec::kLanes)
      add_values_at<MR, 2>(weights, tokens, seen, keep + m, out, p.width.rank, d, rank - d, ahead);
  });
}

inline void attend_turned(const AttentionPlan& p, const GroupBlock& b, const TurnedTokens& tokens,
                          Fetcher& ahead) {
  const std::int64_t pairs = (p.width.q_c + p.width.rope) / 2;
  in_steps<6, 3, 2, 1>(0, b.queries(), [&]<int MR>(std::int64_t m) {
    const float* q = b.q + m * p.q_stride;
    float* scores = b.scores + m * kPageTokens;
    if (tokens.count > 2 * Vec::kLanes)
      return score_turned<MR, 4>(q, p.q_stride, tokens.keys, pairs, scores, ahead);
    for (std::int64_t t = 0; t < tokens.count; t += Vec::kLanes)
      score_turned<MR, 1>(q, p.q_stride, tokens.keys + t, pairs, scores + t, ahead);
  });
  float keep[kMaxQueries];
  weigh_block(p, b, keep);
  bool all_seen = true;
  for (std::int64_t r = 0; r < b.rows; ++r) all_seen = all_seen && b.seen[r] == tokens.count;
  if (all_seen) return add_turned(p, b, tokens, 0, b.queries(), tokens.count, keep, ahead);
  for (std::int64_t r = 0; r < b.rows; ++r)
    if (b.seen[r] > 0) add_turned(p, b, tokens, r * b.heads, (r + 1) * b.heads, b.seen[r], keep, ahead);
}

template <class T>
void attend_group(const AttentionPlan& p, const GroupBlock& b, const AttentionScratch& own) {
  if (!rounds_to_bf16(p)) return attend_group_float<T>(p, b, own.block);
  auto* keys = reinterpret_cast<std::uint32_t*>(own.block);
  TurnedTokens tokens{.keys = keys, .c = {}, .count = b.entries.count};
  Fetcher ahead(b.ahead);
  turn_block(p, b, keys, tokens, ahead);
  attend_turned(p, b, tokens, ahead);
  ahead.ask_for_the_rest();
}
