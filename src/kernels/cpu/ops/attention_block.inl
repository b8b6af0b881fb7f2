// The inner products of attention over one block of at most 64 tokens.  A token's numbers are read through
// pointers, of the cache's type where they are used once and of float where they were widened for many
// queries: the arithmetic on them is the same.
// Needs: vec.

/// Where the tokens of a block lie.  Entries past the last token repeat it, up to a multiple of 4.
template <class T>
struct TokenRows {
  const T* c[kPageTokens];     // rank elements
  const T* k_pe[kPageTokens];  // rope_dim elements
};

/// Lengths in floats, each rounded up to whole vectors (what lies beyond the true end is zero).
struct Widths {
  std::int64_t rank;  // of c
  std::int64_t q_c;   // of c in the score: rank, or 0
  std::int64_t rope;
};

/// acc[m][i] += q[m] . key[i] over `width` elements.
template <int MR, class T>
[[gnu::always_inline]] inline void add_scores(const float* q, std::int64_t q_stride, const T* const* key,
                                              std::int64_t width, Vec (&acc)[MR][4]) {
  const T *k0 = key[0], *k1 = key[1], *k2 = key[2], *k3 = key[3];
  for (std::int64_t d = 0; d < width; d += Vec::kLanes) {
    const Vec k[4] = {load(k0 + d), load(k1 + d), load(k2 + d), load(k3 + d)};
    DSA_UNROLL
    for (int m = 0; m < MR; ++m) {
      const Vec x = load(q + m * q_stride + d);
      DSA_UNROLL
      for (int i = 0; i < 4; ++i) acc[m][i] = fma(x, k[i], acc[m][i]);
    }
  }
}

/// What to fetch ahead while a block is scored: `bytes` from `offset` on of each of the next block's entries.
struct Ahead {
  const std::byte* const* entry = nullptr;
  std::int64_t count = 0;
  std::size_t offset = 0;
  std::size_t bytes = 0;
};

inline void fetch(const Ahead& ahead, std::int64_t first, std::int64_t last) {
  for (std::int64_t t = first; t < last && t < ahead.count; ++t)
    for (std::size_t b = 0; b < ahead.bytes; b += 64)
      __builtin_prefetch(ahead.entry[t] + ahead.offset + b, 0, 2);
}

/// Asks for the same a few lines at a time, spread over the arithmetic that is to hide the wait: a core keeps
/// a few dozen requests, and stands still when it has more.
class Fetcher {
 public:
  explicit Fetcher(const Ahead& ahead) : ahead_(ahead) {}

  void ask(std::int64_t lines) {
    for (; lines > 0 && token_ < ahead_.count; --lines) {
      __builtin_prefetch(ahead_.entry[token_] + ahead_.offset + byte_, 0, 2);
      byte_ += 64;
      if (byte_ < ahead_.bytes) continue;
      byte_ = 0;
      ++token_;
    }
  }
  void ask_for_the_rest() { ask(__INT64_MAX__); }

 private:
  const Ahead& ahead_;
  std::int64_t token_ = 0;
  std::size_t byte_ = 0;  // of the token's
};

/// scores[m][t] = q[m] . k[t] for MR queries and all tokens (in fours).  q[m] is [q_c | q_pe].
template <int MR, class T>
void score_queries(const float* q, std::int64_t q_stride, const TokenRows<T>& rows, std::int64_t tokens,
                   Widths w, const Ahead& ahead, float* scores) {
  for (std::int64_t t = 0; t < tokens; t += 4) {
    fetch(ahead, t, t + 4);
    Vec acc[MR][4];
    DSA_UNROLL
    for (int m = 0; m < MR; ++m) {
      DSA_UNROLL
      for (int i = 0; i < 4; ++i) acc[m][i] = zero();
    }
    add_scores(q, q_stride, rows.c + t, w.q_c, acc);
    add_scores(q + w.q_c, q_stride, rows.k_pe + t, w.rope, acc);
    DSA_UNROLL
    for (int m = 0; m < MR; ++m) store_sums(acc[m], scores + m * kPageTokens + t);
  }
}

/// out[m] = keep[m] * out[m] + sum over tokens [first, last) of p[m][t] * c[t].
template <int MR, int NV, class T>
void add_values_at(const float* p, const TokenRows<T>& rows, std::int64_t first, std::int64_t last,
                   const float* keep, float* out, std::int64_t out_stride, std::int64_t d) {
  Vec acc[MR][NV];
  DSA_UNROLL
  for (int m = 0; m < MR; ++m) {
    DSA_UNROLL
    for (int v = 0; v < NV; ++v) acc[m][v] = load(out + m * out_stride + d + v * Vec::kLanes) * all(keep[m]);
  }
  for (std::int64_t t = first; t < last; ++t) {
    const T* c = rows.c[t] + d;
    Vec x[NV];
    DSA_UNROLL
    for (int v = 0; v < NV; ++v) x[v] = load(c + v * Vec::kLanes);
    DSA_UNROLL
    for (int m = 0; m < MR; ++m) {
      const Vec weight = all(p + m * kPageTokens + t);
      DSA_UNROLL
      for (int v = 0; v < NV; ++v) acc[m][v] = fma(weight, x[v], acc[m][v]);
    }
  }
  DSA_UNROLL
  for (int m = 0; m < MR; ++m) {
    DSA_UNROLL
    for (int v = 0; v < NV; ++v) store(out + m * out_stride + d + v * Vec::kLanes, acc[m][v]);
  }
}

template <int MR, class T>
void add_values(const float* p, const TokenRows<T>& rows, std::int64_t first, std::int64_t last,
                const float* keep, float* out, std::int64_t rank) {
  std::int64_t d = 0;
  constexpr std::int64_t kWide = 4 * Vec::kLanes;
  for (; d + kWide <= rank; d += kWide) add_values_at<MR, 4>(p, rows, first, last, keep, out, rank, d);
  for (; d < rank; d += Vec::kLanes) add_values_at<MR, 1>(p, rows, first, last, keep, out, rank, d);
}

/// A softmax-weighted sum in progress.
struct Running {
  float max;
  float sum;
};

/// Scores of one query over `count` tokens become weights exp(scale * score - max); what was summed before
/// has to be multiplied by the result.
inline float weigh(float* scores, std::int64_t count, float scale, Running& state) {
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
  for (std::int64_t t = 0; t < count; t += Vec::kLanes) {
    const Vec p = first_or(count - t, exp(load(scores + t) - all(top)), zero());
    store(scores + t, p);
    total = total + p;
  }
  state.sum = state.sum * keep + sum(total);
  state.max = top;
  return keep;
}

/// into += other (rank floats each), both rescaled to the larger maximum.
inline void merge(Running& into, float* into_c, bool into_empty, const Running& other, const float* other_c,
                  std::int64_t rank) {
  if (into_empty) {
    into = other;
    for (std::int64_t d = 0; d < rank; d += Vec::kLanes) store(into_c + d, load(other_c + d));
    return;
  }
  const float top = into.max > other.max ? into.max : other.max;
  const float keep = exp_of(into.max - top);
  const float add = exp_of(other.max - top);
  into = {top, into.sum * keep + other.sum * add};
  for (std::int64_t d = 0; d < rank; d += Vec::kLanes)
    store(into_c + d, fma(load(other_c + d), all(add), load(into_c + d) * all(keep)));
}
