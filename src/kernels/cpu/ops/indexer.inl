// The lightning indexer: scores of keys (indexer_keys.inl), and the selection of the best.
// Needs: indexer_float_only or indexer_bf16, topk.

/// Scores of `count` rows from t on, which share their pages, against positions [first, last)
/// they all read (first is a multiple of kPageTokens): out[r][s - first], as keys that order like
/// integers (select_keys()).
template <class Keys>
void score_rows_by(const IndexerQueries& in, std::int64_t t, std::int64_t count, std::int64_t first,
                   std::int64_t last, float* out, std::int64_t out_stride) {
  const KvRow& row = in.rows[static_cast<std::size_t>(t)];
  for (std::int64_t s = first; s < last; s += kPageTokens) {
    const auto* page = reinterpret_cast<const std::uint32_t*>(in.kv.key_page(row.pages[s / kPageTokens]));
    const std::int64_t tokens = last - s < kPageTokens ? last - s : kPageTokens;
    for (std::int64_t r = 0; r < count; ++r)
      for (std::int64_t i = 0; i < tokens; i += Keys::kVectors * Vec::kLanes) {
        // Of tokens that are not there something is read, and not stored.
        Vec score[Keys::kVectors];
        Keys::score(in, t + r, page + i, score);
        float* to = out + r * out_stride + s - first + i;
        for (int v = 0; v < Keys::kVectors; ++v)
          store_part(to + v * Vec::kLanes, order_keys(score[v]), tokens - i - v * Vec::kLanes);
      }
  }
}

/// As above, by the arithmetic that the cache and the computation ask for.
inline void score_rows(const IndexerQueries& in, std::int64_t t, std::int64_t count, std::int64_t first,
                       std::int64_t last, float* out, std::int64_t out_stride) {
  if (in.kv.layout.type == DType::f32)
    score_rows_by<FloatKeys<float>>(in, t, count, first, last, out, out_stride);
  else if (in.compute != Compute::automatic)
    score_rows_by<FloatKeys<bf16>>(in, t, count, first, last, out, out_stride);
  else
    score_rows_by<Bf16Keys>(in, t, count, first, last, out, out_stride);
}

inline void check(const IndexerQueries& in) {
  DSA_CHECK(in.w.rows() == in.q.dim(0) && in.w.cols() == in.q.dim(1));
  DSA_CHECK(in.kv.layout.index_dim == in.q.dim(2) && in.q.dim(2) <= kMaxIndexDim);
  DSA_CHECK(static_cast<std::int64_t>(in.rows.size()) == in.q.dim(0));
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
  constexpr std::int64_t kTogether = kIndexRows;
  constexpr std::int64_t kSpan = 512;  // positions of one row that a thread takes when rows are few
  const IndexerQueries in{args.q, args.w, args.kv, args.rows, args.compute};
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
  // Of a thread's share: kTogether rows of keys, and candidates in the rest.
  const std::int64_t padded = (longest + 1023) / 1024 * 1024;
  const std::size_t each = indexer_scratch_bytes(1, longest);
  DSA_CHECK(args.scratch.size() >= each * static_cast<std::size_t>(exec.threads()));
  const auto share = [&](int thread) {
    return args.scratch.subspan(each * static_cast<std::size_t>(thread), each);
  };
  const auto select = [&](std::int64_t t, const float* scores, const Candidates& candidates, bool alone) {
    const std::int64_t visible = args.rows[static_cast<std::size_t>(t)].visible;
    const auto* keys = reinterpret_cast<const std::int32_t*>(scores);
    select_keys(keys, visible, args.topk, args.idx.row(t), candidates, [&](std::int32_t threshold) {
      return alone && visible >= 2 * kGatherSpan ? gather_keys(exec, keys, visible, threshold, candidates)
                                                 : gather_keys(keys, visible, threshold, candidates);
    });
    finish_row(args, t, args.topk);
  };
  const auto room =
      static_cast<std::int64_t>((each - static_cast<std::size_t>(kTogether * padded) * 4 - 64) / 8) -
      2 * Vec::kLanes;
  const auto take_candidates = [&](std::span<std::byte>& rest) {
    std::int32_t* keys = take<std::int32_t>(rest, room + Vec::kLanes).data();
    return Candidates{keys, take<std::int32_t>(rest, room + Vec::kLanes).data(), room};
  };

  if (n < 2 * exec.threads()) {
    auto rest = share(0);
    const auto keys = take<float>(rest, kTogether * padded);
    const Candidates candidates = take_candidates(rest);
    for (std::int64_t t = 0; t < n; ++t) {
      if (select_all(args, t)) continue;
      const std::int64_t visible = args.rows[static_cast<std::size_t>(t)].visible;
      exec.parallel_for((visible + kSpan - 1) / kSpan, 1, [&](std::int64_t begin, std::int64_t end, int) {
        const std::int64_t stop = end * kSpan < visible ? end * kSpan : visible;
        score_rows(in, t, 1, begin * kSpan, stop, keys.data() + begin * kSpan, 0);
      });
      select(t, keys.data(), candidates, /*alone=*/true);
    }
    return;
  }
  exec.parallel_for((n + kTogether - 1) / kTogether, 1,
                    [&](std::int64_t begin, std::int64_t end, int thread) {
                      auto rest = share(thread);
                      const auto keys = take<float>(rest, kTogether * padded);
                      const Candidates candidates = take_candidates(rest);
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
                            if (next.visible > seen) seen = next.visible;
                          }
                          score_rows(in, t, together, 0, seen, keys.data(), padded);
                          for (std::int64_t r = 0; r < together; ++r)
                            select(t + r, keys.data() + r * padded, candidates, /*alone=*/false);
                          t += together;
                        }
                      }
                    });
}
