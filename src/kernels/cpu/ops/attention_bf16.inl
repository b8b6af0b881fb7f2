// A block of tokens for the queries of one group, in BF16 products: queries and weights are rounded to BF16,
// sums are float32.  Keys are turned over, so that a lane is a token and a score needs no sum across lanes;
// values are paired up token by token as they pass.  Every sum runs in ascending order of elements (scores)
// or tokens (values), whatever the number of queries.
// Needs: vec, steps, attention_float.

/// Two neighbouring bf16 in every 32-bit lane.
struct Pairs {
  __m512bh v;
};
inline Pairs load_pairs(const std::uint32_t* p) {
  return {reinterpret_cast<__m512bh>(_mm512_loadu_si512(p))};
}
inline Pairs all_pairs(const std::uint32_t* p) {
  return {reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(*p)))};
}
/// acc + a0 * b0 + a1 * b1
inline Vec dot(Vec acc, Pairs a, Pairs b) { return {_mm512_dpbf16_ps(acc.v, a.v, b.v)}; }

inline constexpr std::int64_t kPairElements = 2 * Vec::kLanes;  // bf16 in a register

/// The first `count` bf16; the others are 0.
inline __m512i load_row(const bf16* p, std::int64_t count) {
  if (count >= kPairElements) return _mm512_loadu_si512(p);
  return _mm512_maskz_loadu_epi16(_bzhi_u32(~0U, static_cast<unsigned>(count)), p);
}

/// A block of at most 64 tokens.
struct TurnedTokens {
  const std::uint32_t* keys;   // [pairs of elements][64]: of q_c's part, if there is one, and then of q_pe's
  const bf16* c[kPageTokens];  // rank elements each
  std::int64_t count;
};

/// `width` elements of 16 tokens, turned over: to[pair * 64 + token].
inline void turn_tokens(const bf16* const* tokens, std::int64_t width, std::uint32_t* to) {
  for (std::int64_t e = 0; e < width; e += kPairElements) {
    Vec x[16];
    DSA_UNROLL
    for (int i = 0; i < 16; ++i) x[i].v = _mm512_castsi512_ps(load_row(tokens[i] + e, width - e));
    transpose(x);
    DSA_UNROLL
    for (int i = 0; i < 16; ++i) store(reinterpret_cast<float*>(to + (e / 2 + i) * kPageTokens), x[i]);
  }
}

inline bool rounds_to_bf16(const AttentionPlan& p) {
  return p.args.kv.layout.type == DType::bf16 && p.args.compute == Compute::automatic;
}

/// A query beside its entries' order: pairs of [q_c | q_pe], each part padded with zeros.
inline void round_row(const float* from, std::int64_t count, std::int64_t padded, float* to) {
  auto* out = reinterpret_cast<bf16*>(to);
  for (std::int64_t d = 0; d < padded; d += Vec::kLanes)
    store_part(out + d, load_part(from + d, count - d), Vec::kLanes);
}
inline void load_query(const AttentionPlan& p, const float* q_c, const float* q_pe, float* q) {
  const KvLayout& layout = p.args.kv.layout;
  if (!rounds_to_bf16(p)) return load_query_float(p, q_c, q_pe, q);
  if (q_c != nullptr) round_row(q_c, layout.rank, p.width.q_c, q);
  round_row(q_pe, layout.rope_dim, p.width.rope, q + p.width.q_c / 2);
}

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

/// weigh() with weights rounded to BF16, packed into the first half of the row;
/// the sum is that of the rounded ones.
inline float weigh_pairs(float* scores, std::int64_t count, float scale, Running& state) {
  Vec largest = all(-__builtin_inff());
  for (std::int64_t t = 0; t < count; t += Vec::kLanes) {
    // A NaN score does not become the maximum; its weight is NaN and reaches the output through the sum.
    const Vec s = load(scores + t) * all(scale);
    store(scores + t, s);
    largest = max(first_or(count - t, s, largest), largest);
  }
  const float block = max_lane(largest);
  const float top = block > state.max ? block : state.max;
  const float keep = exp_of(state.max - top);
  Vec total = zero();
  auto* weights = reinterpret_cast<bf16*>(scores);  // lies behind what is still to be read
  for (std::int64_t t = 0; t < count; t += Vec::kLanes) {
    const Vec p = first_or(count - t, exp(load(scores + t) - all(top)), zero());
    const __m256i rounded = round_bf16(p);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(weights + t), rounded);
    total = total + widen_bf16(rounded);
  }
  state.sum = state.sum * keep + sum(total);
  state.max = top;
  return keep;
}

/// acc[m] += p[m] * c of two tokens; `left` elements of c are there.
template <int MR, int NV>
[[gnu::always_inline]] inline void add_pair(const float* p, std::int64_t pair, const bf16* c0, const bf16* c1,
                                            std::int64_t left, Vec (&acc)[MR][NV]) {
  const __m512i low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7,
                                       38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
  Pairs x[NV];
  DSA_UNROLL
  for (int v = 0; v < NV; v += 2) {
    const __m512i a = load_row(c0 + v * Vec::kLanes, left - v * Vec::kLanes);
    const __m512i b = load_row(c1 + v * Vec::kLanes, left - v * Vec::kLanes);
    x[v].v = reinterpret_cast<__m512bh>(_mm512_permutex2var_epi16(a, low, b));
    x[v + 1].v = reinterpret_cast<__m512bh>(_mm512_permutex2var_epi16(a, high, b));
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
  bool all_seen = true;
  for (std::int64_t r = 0; r < b.rows; ++r) {
    all_seen = all_seen && b.seen[r] == tokens.count;
    for (std::int64_t m = r * b.heads; b.seen[r] > 0 && m < (r + 1) * b.heads; ++m)
      keep[m] = weigh_pairs(b.scores + m * kPageTokens, b.seen[r], p.args.scale, b.state[m]);
  }
  if (all_seen) return add_turned(p, b, tokens, 0, b.queries(), tokens.count, keep, ahead);
  for (std::int64_t r = 0; r < b.rows; ++r)
    if (b.seen[r] > 0) add_turned(p, b, tokens, r * b.heads, (r + 1) * b.heads, b.seen[r], keep, ahead);
}

/// A group's part of the block's entries, turned over into `keys`.
inline void turn_block(const AttentionPlan& p, const GroupBlock& b, std::uint32_t* keys, TurnedTokens& tokens,
                       Fetcher& ahead) {
  const KvLayout& layout = p.args.kv.layout;
  for (std::int64_t t = 0; t < tokens.count; t += Vec::kLanes) {
    ahead.ask(24);
    const bf16 *c[16], *k_pe[16];
    for (std::int64_t i = 0; i < Vec::kLanes; ++i) {
      // Lanes past the last token repeat it; nobody reads their scores.
      const std::int64_t token = t + i < tokens.count ? t + i : tokens.count - 1;
      c[i] = reinterpret_cast<const bf16*>(b.entries.at[token] + b.offset);
      k_pe[i] = c[i] + layout.rank;
      tokens.c[token] = c[i];
    }
    if (p.width.q_c > 0) turn_tokens(c, layout.rank, keys + t);
    turn_tokens(k_pe, layout.rope_dim, keys + p.width.q_c / 2 * kPageTokens + t);
  }
}

template <class T>
void attend_group(const AttentionPlan& p, const GroupBlock& b, float* block) {
  if (!rounds_to_bf16(p)) return attend_group_float<T>(p, b, block);
  auto* keys = reinterpret_cast<std::uint32_t*>(block);
  TurnedTokens tokens{.keys = keys, .c = {}, .count = b.entries.count};
  Fetcher ahead(b.ahead);
  turn_block(p, b, keys, tokens, ahead);
  attend_turned(p, b, tokens, ahead);
  ahead.ask_for_the_rest();
}
