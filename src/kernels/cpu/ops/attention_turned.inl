// A block of tokens for queries that are rounded to BF16, as softmax weights are: keys are turned over, so
// that a lane is a token and a score needs no sum across lanes.  How they are multiplied is the family's.
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

/// Elements of two tokens beside each other: of 32 the first 16, and the others.
struct PairedTokens {
  Pairs low, high;
};
inline PairedTokens pair_up(__m512i a, __m512i b) {
  const __m512i low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7,
                                       38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
  return {{reinterpret_cast<__m512bh>(_mm512_permutex2var_epi16(a, low, b))},
          {reinterpret_cast<__m512bh>(_mm512_permutex2var_epi16(a, high, b))}};
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
