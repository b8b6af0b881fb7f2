// The lightning indexer: scores of keys (indexer_keys.inl), and the selection of the best.
// Needs: indexer_int8; indexer_float_only, indexer_bf16 or indexer_amx; topk.

/// As score_rows_by(), by the arithmetic that the cache and the computation ask for.
inline void score_rows(const IndexerSelectArgs& args, std::int64_t t, std::int64_t first,
                       TensorView<float, 2> out) {
  if (args.kv.layout.int8_keys)
    score_rows_int8(args, t, first, out);
  else if (args.kv.layout.type == DType::f32)
    score_rows_by<FloatKeys<float>>(args, t, first, out);
  else if (args.compute != Compute::automatic)
    score_rows_by<FloatKeys<bf16>>(args, t, first, out);
  else
    score_rows_rounded(args, t, first, out);
}

inline std::int64_t visible_to(const IndexerSelectArgs& args, std::int64_t t) {
  return args.rows[static_cast<std::size_t>(t)].visible;
}

inline void finish_row(const IndexerSelectArgs& args, std::int64_t t, std::int64_t chosen) {
  std::int32_t* idx = args.idx.row(t);
  for (std::int64_t i = chosen; i < args.idx.cols(); ++i) idx[i] = -1;
  args.count[static_cast<std::size_t>(t)] = static_cast<std::int32_t>(chosen);
}

/// True if all of the row is selected: done without scores.
inline bool select_all(const IndexerSelectArgs& args, std::int64_t t) {
  const std::int64_t visible = visible_to(args, t);
  if (visible > args.topk) return false;
  std::int32_t* idx = args.idx.row(t);
  for (std::int64_t i = 0; i < visible; ++i) idx[i] = static_cast<std::int32_t>(i);
  finish_row(args, t, visible < 0 ? 0 : visible);
  return true;
}

/// A thread's share of the scratch.
struct SelectScratch {
  std::int64_t stride;  // of the keys: those of the longest row
  float* keys;          // [kIndexRows][stride]
  Candidates candidates;

  SelectScratch(const IndexerSelectArgs& args, std::int64_t longest, int thread)
      : stride((longest + 1023) / 1024 * 1024) {
    const std::size_t each = indexer_scratch_bytes(1, longest);
    auto rest = args.scratch.subspan(each * static_cast<std::size_t>(thread), each);
    keys = take<float>(rest, kIndexRows * stride).data();
    candidates.keys = take<std::int32_t>(rest, stride + Vec::kLanes).data();
    candidates.positions = take<std::int32_t>(rest, stride + Vec::kLanes).data();
  }
  [[nodiscard]] const std::int32_t* row(std::int64_t r) const {
    return reinterpret_cast<const std::int32_t*>(keys + r * stride);
  }
  /// `rows` rows at positions [first, last).
  [[nodiscard]] TensorView<float, 2> view(std::int64_t rows, std::int64_t first, std::int64_t last) const {
    return {keys + first, {rows, last - first}, {stride, 1}};
  }
};

/// Row t by all threads.
inline void select_alone(Exec& exec, const IndexerSelectArgs& args, std::int64_t t,
                         const SelectScratch& own) {
  constexpr std::int64_t kSpan = 512;  // positions that a thread takes
  const std::int64_t visible = visible_to(args, t);
  exec.parallel_for((visible + kSpan - 1) / kSpan, 1, [&](std::int64_t begin, std::int64_t end, int) {
    score_rows(args, t, begin * kSpan,
               own.view(1, begin * kSpan, end * kSpan < visible ? end * kSpan : visible));
  });
  select_keys(own.row(0), visible, args.topk, args.idx.row(t), own.candidates, [&](std::int32_t threshold) {
    return gather_keys(exec, own.row(0), visible, threshold, own.candidates);
  });
  finish_row(args, t, args.topk);
}

/// Rows from t on, before `stop`, that share their pages, none seeing less than the first: scored together,
/// as far as one of them sees.  Returns the row after them.
inline std::int64_t select_together(const IndexerSelectArgs& args, std::int64_t t, std::int64_t stop,
                                    const SelectScratch& own) {
  const std::int32_t* pages = args.rows[static_cast<std::size_t>(t)].pages;
  const std::int64_t least = visible_to(args, t);
  std::int64_t rows = 0, most = 0;
  for (; rows < kIndexRows && t + rows < stop; ++rows) {
    const KvRow& row = args.rows[static_cast<std::size_t>(t + rows)];
    if (row.pages != pages || row.visible < least) break;
    if (row.visible > most) most = row.visible;
  }
  score_rows(args, t, 0, own.view(rows, 0, most));
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t visible = visible_to(args, t + r);
    select_keys(
        own.row(r), visible, args.topk, args.idx.row(t + r), own.candidates,
        [&](std::int32_t threshold) { return gather_keys(own.row(r), visible, threshold, own.candidates); });
    finish_row(args, t + r, args.topk);
  }
  return t + rows;
}

void indexer_select(Exec& exec, const IndexerSelectArgs& args) {
  const std::int64_t n = args.q.dim(0);
  DSA_CHECK(args.w.rows() == n && args.w.cols() == args.q.dim(1));
  DSA_CHECK(args.kv.layout.index_dim == args.q.dim(2) && args.q.dim(2) <= kMaxIndexDim);
  DSA_CHECK(args.topk >= 1 && args.idx.rows() == n && args.idx.cols() >= args.topk);
  DSA_CHECK(static_cast<std::int64_t>(args.rows.size()) == n && args.count.size() == args.rows.size());
  std::int64_t longest = 0;
  for (const KvRow& row : args.rows) longest = row.visible > longest ? row.visible : longest;
  if (longest <= args.topk) {
    for (std::int64_t t = 0; t < n; ++t) select_all(args, t);
    return;
  }
  DSA_CHECK(args.scratch.size() >= indexer_scratch_bytes(exec.threads(), longest));
  if (n < 2 * exec.threads()) {
    const SelectScratch own(args, longest, 0);
    for (std::int64_t t = 0; t < n; ++t)
      if (!select_all(args, t)) select_alone(exec, args, t, own);
    return;
  }
  exec.parallel_for(n, kIndexRows, [&](std::int64_t begin, std::int64_t end, int thread) {
    const SelectScratch own(args, longest, thread);
    for (std::int64_t t = begin; t < end;)
      t = select_all(args, t) ? t + 1 : select_together(args, t, end, own);
  });
}
