// A block of tokens for queries that are rounded to BF16, as softmax weights are: keys are turned over, so
// that a lane is a token and a score needs no sum across lanes.  How they are multiplied is the family's.
// Needs: vec, pairs, steps, attention_float.

/// A block of at most 64 tokens.
struct TurnedTokens {
  const std::uint32_t* keys;   // [pairs of elements][64]: of q_c's part, if there is one, and then of q_pe's
  const bf16* c[kPageTokens];  // rank elements each
  std::int64_t count;
};

/// `width` elements of 16 tokens, turned over: to[pair * 64 + token].
inline void turn_tokens(const bf16* const* tokens, std::int64_t width, std::uint32_t* to) {
  for (std::int64_t e = 0; e < width; e += Pairs::kElements) {
    Vec x[16];
    DSA_UNROLL
    for (int i = 0; i < 16; ++i) x[i].v = _mm512_castsi512_ps(load_pairs_part(tokens[i] + e, width - e).v);
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

/// 2^x to 18 bits, enough for what is rounded to BF16 next: 2^floor(x) times a polynomial of the rest, fitted
/// to its largest relative error, 2.6e-6.
inline Vec exp2_to_round(Vec x) {
  const Vec rest = {_mm512_reduce_ps(x.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)};
  Vec p = all(0.013534167781F);
  p = fma(p, rest, all(0.052011460066F));
  p = fma(p, rest, all(0.241442754865F));
  p = fma(p, rest, all(0.693003833294F));
  p = fma(p, rest, all(1.000002622604F));
  return {_mm512_scalef_ps(p.v, x.v)};
}

/// Scores of one query become weights exp(scale * score - top) rounded to BF16, packed into the first half of
/// their row; what is below the smallest normal number is 0.  Returns the sum of the rounded ones.
inline float weigh_pairs(float* scores, std::int64_t count, float scale, float top) {
  constexpr float kLog2OfE = 1.44269504F;
  const Vec slope = all(scale * kLog2OfE), shift = all(-top * kLog2OfE);
  Vec total = zero();
  auto* weights = reinterpret_cast<bf16*>(scores);  // lies behind what is still to be read
  for (std::int64_t t = 0; t < count; t += Vec::kLanes) {
    const Vec p = first_or(count - t, exp2_to_round(fma(load(scores + t), slope, shift)), zero());
    const __m256i rounded = to_bf16(p);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(weights + t), rounded);
    total = total + widen_bf16(rounded);
  }
  return sum(total);
}

/// A block's scores become weights, of the tokens that their row sees; keep[m]: what the sums of query m have
/// to be multiplied by.
inline void weigh_block(const AttentionPlan& p, const GroupBlock& b, float* keep) {
  float top[kMaxQueries];
  for (std::int64_t r = 0; r < b.rows; ++r)
    for (std::int64_t m = r * b.heads; m < (r + 1) * b.heads; ++m) {
      Vec largest = all(-__builtin_inff());
      for (std::int64_t t = 0; t < b.seen[r]; t += Vec::kLanes) {
        // A NaN score does not become the maximum; its weight is NaN and reaches the output through the sum.
        const Vec s = load(b.scores + m * kPageTokens + t);
        largest = max(first_or(b.seen[r] - t, s, largest), largest);
      }
      const float block = max_lane(largest) * p.args.scale, before = b.state[m].max;
      top[m] = block > before ? block : before;
      keep[m] = before - top[m];
    }
  for (std::int64_t m = 0; m < b.queries(); m += Vec::kLanes)
    store_part(keep + m, exp(load_part(keep + m, b.queries() - m)), b.queries() - m);
  for (std::int64_t r = 0; r < b.rows; ++r)
    for (std::int64_t m = r * b.heads; b.seen[r] > 0 && m < (r + 1) * b.heads; ++m) {
      const float sum = weigh_pairs(b.scores + m * kPageTokens, b.seen[r], p.args.scale, top[m]);
      b.state[m] = {top[m], b.state[m].sum * keep[m] + sum};
    }
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
