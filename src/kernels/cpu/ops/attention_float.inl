// A block of tokens for the queries of one group, in float32: BF16 entries are widened, exactly.
// Needs: vec, steps, attention_plan.

/// A query beside its entries' order: [q_c | q_pe].
inline void load_query_float(const AttentionPlan& p, const float* q_c, const float* q_pe, float* q) {
  if (q_c != nullptr) widen_elements(q_c, p.args.kv.layout.rank, q);
  widen_elements(q_pe, p.args.kv.layout.rope_dim, q + p.width.q_c);
}

template <class T>
void attend_float(const AttentionPlan& p, const GroupBlock& b, TokenRows<T>& tokens) {
  const std::int64_t found = b.entries.count;
  for (std::int64_t i = found; i % 4 != 0; ++i) {
    tokens.c[i] = tokens.c[found - 1];
    tokens.k_pe[i] = tokens.k_pe[found - 1];
  }
  Ahead ahead = b.ahead;
  in_steps<3, 1>(0, b.queries(), [&]<int MR>(std::int64_t m) {
    score_queries<MR>(b.q + m * p.q_stride, p.q_stride, tokens, found, p.width, ahead,
                      b.scores + m * kPageTokens);
    ahead.count = 0;
  });
  for (std::int64_t r = 0; r < b.rows; ++r) {
    if (b.seen[r] == 0) continue;
    in_steps<3, 1>(r * b.heads, (r + 1) * b.heads, [&]<int MR>(std::int64_t m) {
      float keep[MR];
      for (int i = 0; i < MR; ++i)
        keep[i] = weigh(b.scores + (m + i) * kPageTokens, b.seen[r], p.args.scale, b.state[m + i]);
      add_values<MR>(b.scores + m * kPageTokens, tokens, 0, b.seen[r], keep, b.c + m * p.width.rank,
                     p.width.rank);
    });
  }
}

template <class T>
void attend_group_float(const AttentionPlan& p, const GroupBlock& b, float* block) {
  const KvLayout& layout = p.args.kv.layout;
  const bool whole = layout.rank == p.width.rank && layout.rope_dim == p.width.rope;
  // What few queries read is not worth widening first.
  if (whole && (b.queries() <= 3 || std::is_same_v<T, float>)) {
    TokenRows<T> tokens;
    for (std::int64_t i = 0; i < b.entries.count; ++i) {
      tokens.c[i] = reinterpret_cast<const T*>(b.entries.at[i] + b.offset);
      tokens.k_pe[i] = tokens.c[i] + layout.rank;
    }
    return attend_float(p, b, tokens);
  }
  TokenRows<float> tokens;
  for (std::int64_t i = 0; i < b.entries.count; ++i) {
    float* c = block + i * (p.width.rank + p.width.rope);
    const T* from = reinterpret_cast<const T*>(b.entries.at[i] + b.offset);
    widen_elements(from, layout.rank, c);
    widen_elements(from + layout.rank, layout.rope_dim, c + p.width.rank);
    tokens.c[i] = c;
    tokens.k_pe[i] = c + p.width.rank;
  }
  attend_float(p, b, tokens);
}
