// The lightning indexer: keys turned over 16 at a time, so that a lane is a token, heads summed in registers.

inline constexpr std::int64_t kIndexTokens = 16;
inline constexpr std::int64_t kMaxIndexDim = 1024;

/// turned[d][i] = key of token first + i, for i < count; the others are 0.
template <class T>
void turn_keys(const KvView& kv, const KvRow& row, std::int64_t first, std::int64_t count, std::int64_t dim,
               float* turned) {
  const auto* keys = reinterpret_cast<const T*>(kv.key(row.pages[first / kPageTokens], first % kPageTokens));
  for (std::int64_t half = 0; half < kIndexTokens; half += Vec::kLanes)
    for (std::int64_t d = 0; d < dim; d += Vec::kLanes) {
      Vec x[8];
      for (std::int64_t i = 0; i < Vec::kLanes; ++i)
        x[i] = half + i < count ? load_part(keys + (half + i) * dim + d, dim - d) : zero();
      transpose(x);
      for (std::int64_t i = 0; i < Vec::kLanes && d + i < dim; ++i)
        store(turned + (d + i) * kIndexTokens + half, x[i]);
    }
}

/// score += w[j] * relu(q[j] . key) for NH heads, ascending.
template <int NH>
[[gnu::always_inline]] inline void score_heads(const float* q, std::int64_t q_stride, const float* w,
                                               const float* turned, std::int64_t dim, Vec (&score)[2]) {
  Vec dot[NH][2];
  DSA_UNROLL
  for (int j = 0; j < NH; ++j) dot[j][0] = dot[j][1] = zero();
  for (std::int64_t d = 0; d < dim; ++d) {
    const Vec k0 = load(turned + d * kIndexTokens), k1 = load(turned + d * kIndexTokens + Vec::kLanes);
    DSA_UNROLL
    for (int j = 0; j < NH; ++j) {
      const Vec x = all(q + j * q_stride + d);
      dot[j][0] = fma(x, k0, dot[j][0]);
      dot[j][1] = fma(x, k1, dot[j][1]);
    }
  }
  DSA_UNROLL
  for (int j = 0; j < NH; ++j) {
    score[0] = fma(all(w + j), max(zero(), dot[j][0]), score[0]);  // max keeps a NaN of its second operand
    score[1] = fma(all(w + j), max(zero(), dot[j][1]), score[1]);
  }
}

/// What a call scores with.
struct IndexerQueries {
  TensorView<const float, 3> q;
  TensorView<const float, 2> w;
  const KvView& kv;
  std::span<const KvRow> rows;
};

inline void score_tokens(const IndexerQueries& in, std::int64_t t, const float* turned, Vec (&score)[2]) {
  const std::int64_t heads = in.q.dim(1), dim = in.q.dim(2), stride = in.q.stride(1);
  const float* q = in.q.row(t, 0);
  const float* w = in.w.row(t);
  score[0] = score[1] = zero();
  std::int64_t j = 0;
  for (; j + 4 <= heads; j += 4) score_heads<4>(q + j * stride, stride, w + j, turned, dim, score);
  for (; j < heads; ++j) score_heads<1>(q + j * stride, stride, w + j, turned, dim, score);
}

/// Scores of `count` rows from t on, which share their pages, against positions [first, last) they all read
/// (first is a multiple of 16): out[r][s - first] as they are, or as keys that order like integers
/// (select_keys()).
template <bool kKeys>
void score_rows(const IndexerQueries& in, std::int64_t t, std::int64_t count, std::int64_t first,
                std::int64_t last, float* out, std::int64_t out_stride) {
  alignas(64) float turned[kMaxIndexDim * kIndexTokens];
  const std::int64_t dim = in.q.dim(2);
  const KvRow& row = in.rows[static_cast<std::size_t>(t)];
  for (std::int64_t s = first; s < last; s += kIndexTokens) {
    const std::int64_t tokens = last - s < kIndexTokens ? last - s : kIndexTokens;
    if (const std::int64_t ahead = s + kPageTokens; ahead < last) {
      // Pages lie far apart: the part of the next one that comes a page later.
      const std::byte* next = in.kv.key(row.pages[ahead / kPageTokens], ahead % kPageTokens);
      const std::size_t bytes = static_cast<std::size_t>(kIndexTokens * dim) * in.kv.layout.element_bytes();
      for (std::size_t b = 0; b < bytes; b += 64) __builtin_prefetch(next + b, 0, 3);
    }
    if (in.kv.layout.type == DType::f32)
      turn_keys<float>(in.kv, row, s, tokens, dim, turned);
    else
      turn_keys<bf16>(in.kv, row, s, tokens, dim, turned);
    for (std::int64_t r = 0; r < count; ++r) {
      Vec score[2];
      score_tokens(in, t + r, turned, score);
      for (int v = 0; v < 2; ++v) {
        const std::int64_t left = tokens - v * Vec::kLanes;
        if (left <= 0) break;
        store_part(out + r * out_stride + s - first + v * Vec::kLanes,
                   kKeys ? order_keys(score[v]) : score[v], left);
      }
    }
  }
}

inline void check(const IndexerQueries& in) {
  DSA_CHECK(in.w.rows() == in.q.dim(0) && in.w.cols() == in.q.dim(1));
  DSA_CHECK(in.kv.layout.index_dim == in.q.dim(2) && in.q.dim(2) <= kMaxIndexDim);
  DSA_CHECK(static_cast<std::int64_t>(in.rows.size()) == in.q.dim(0));
}

void indexer_scores(Exec& exec, const IndexerScoresArgs& args) {
  const IndexerQueries in{args.q, args.w, args.kv, args.rows};
  check(in);
  constexpr std::int64_t kSpan = 1024;  // positions a thread takes
  const std::int64_t n = args.q.dim(0), cols = args.scores.cols();
  DSA_CHECK(args.scores.rows() == n);
  const std::int64_t spans = (cols + kSpan - 1) / kSpan;
  exec.parallel_for(n * spans, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t t = i / spans, from = i % spans * kSpan,
                         to = from + kSpan < cols ? from + kSpan : cols;
      const std::int64_t visible = args.rows[static_cast<std::size_t>(t)].visible - args.first;
      const std::int64_t seen = visible < from ? from : visible < to ? visible : to;
      float* out = args.scores.row(t);
      std::int64_t s = from;
      // Blocks of 16 tokens start at multiples of 16, so that they never leave a page.
      while (s < seen) {
        const std::int64_t aligned = (args.first + s) / kIndexTokens * kIndexTokens;
        const std::int64_t stop =
            aligned + kIndexTokens < args.first + seen ? aligned + kIndexTokens : args.first + seen;
        float block[kIndexTokens];
        score_rows<false>(in, t, 1, aligned, stop, block, 0);
        for (; args.first + s < stop; ++s) out[s] = block[args.first + s - aligned];
      }
      for (; s < to; ++s) out[s] = -__builtin_inff();
    }
  });
}

inline void finish_row(const IndexerSelectArgs& args, std::int64_t t, std::int64_t chosen) {
  std::int32_t* idx = args.idx.row(t);
  for (std::int64_t i = chosen; i < args.idx.cols(); ++i) idx[i] = -1;
  args.count[static_cast<std::size_t>(t)] = static_cast<std::int32_t>(chosen);
}

/// True if all of the row is selected: done without scores.
inline bool select_all(const IndexerSelectArgs& args, std::int64_t t) {
  const std::int64_t visible = args.rows[static_cast<std::size_t>(t)].visible;
  if (visible > args.topk) return false;
  std::int32_t* idx = args.idx.row(t);
  for (std::int64_t i = 0; i < visible; ++i) idx[i] = static_cast<std::int32_t>(i);
  finish_row(args, t, visible < 0 ? 0 : visible);
  return true;
}

void indexer_select(Exec& exec, const IndexerSelectArgs& args) {
  constexpr std::int64_t kTogether = 2;  // rows whose keys a thread holds while the turned keys pass by
  constexpr std::int64_t kSpan = 512;    // positions of one row that a thread takes when rows are few
  const IndexerQueries in{args.q, args.w, args.kv, args.rows};
  check(in);
  const std::int64_t n = args.q.dim(0);
  DSA_CHECK(args.topk >= 1 && args.idx.rows() == n && args.idx.cols() >= args.topk);
  DSA_CHECK(static_cast<std::int64_t>(args.count.size()) == n);
  std::int64_t longest = 0;
  for (const KvRow& row : args.rows) longest = row.visible > longest ? row.visible : longest;
  if (longest <= args.topk) {
    for (std::int64_t t = 0; t < n; ++t) select_all(args, t);
    return;
  }
  // Of a thread's share: two rows of keys, and candidates in the rest.
  const std::int64_t padded = (longest + 1023) / 1024 * 1024;
  const std::size_t each = indexer_scratch_bytes(1, longest);
  DSA_CHECK(args.scratch.size() >= each * static_cast<std::size_t>(exec.threads()));
  const auto share = [&](int thread) {
    return args.scratch.subspan(each * static_cast<std::size_t>(thread), each);
  };
  const auto select = [&](std::int64_t t, const float* keys, std::span<Candidate> candidates) {
    const std::int64_t visible = args.rows[static_cast<std::size_t>(t)].visible;
    select_keys(reinterpret_cast<const std::int32_t*>(keys), visible, args.topk, args.idx.row(t), candidates);
    finish_row(args, t, args.topk);
  };
  const auto room = static_cast<std::int64_t>((each - static_cast<std::size_t>(kTogether * padded) * 4 - 64) /
                                              sizeof(Candidate));

  if (n < 2 * exec.threads()) {
    auto rest = share(0);
    const auto keys = take<float>(rest, kTogether * padded);
    const auto candidates = take<Candidate>(rest, room);
    for (std::int64_t t = 0; t < n; ++t) {
      if (select_all(args, t)) continue;
      const std::int64_t visible = args.rows[static_cast<std::size_t>(t)].visible;
      exec.parallel_for((visible + kSpan - 1) / kSpan, 1, [&](std::int64_t begin, std::int64_t end, int) {
        const std::int64_t stop = end * kSpan < visible ? end * kSpan : visible;
        score_rows<true>(in, t, 1, begin * kSpan, stop, keys.data() + begin * kSpan, 0);
      });
      select(t, keys.data(), candidates);
    }
    return;
  }
  exec.parallel_for((n + kTogether - 1) / kTogether, 1,
                    [&](std::int64_t begin, std::int64_t end, int thread) {
                      auto rest = share(thread);
                      const auto keys = take<float>(rest, kTogether * padded);
                      const auto candidates = take<Candidate>(rest, room);
                      for (std::int64_t i = begin; i < end; ++i) {
                        const std::int64_t stop = (i + 1) * kTogether < n ? (i + 1) * kTogether : n;
                        std::int64_t t = i * kTogether;
                        while (t < stop) {
                          if (select_all(args, t)) {
                            ++t;
                            continue;
                          }
                          const KvRow& row = args.rows[static_cast<std::size_t>(t)];
                          std::int64_t together = 1, seen = row.visible;
                          for (; t + together < stop; ++together) {
                            const KvRow& next = args.rows[static_cast<std::size_t>(t + together)];
                            // A later row of the sequence: the keys it reads beyond the first row's are
                            // scored for both, and not used.
                            if (next.pages != row.pages || next.visible < row.visible) break;
                            seen = next.visible;
                          }
                          score_rows<true>(in, t, together, 0, seen, keys.data(), padded);
                          for (std::int64_t r = 0; r < together; ++r)
                            select(t + r, keys.data() + r * padded, candidates);
                          t += together;
                        }
                      }
                    });
}
