// embedding: rows of the table, exactly dequantised.

inline void embedding(Exec& exec, const EmbeddingArgs& args) {
  const auto n = static_cast<std::int64_t>(args.ids.size());
  const WeightView& table = args.table;
  exec.parallel_for(n, 4, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t id = args.ids[static_cast<std::size_t>(t)];
      DSA_DCHECK(id >= 0 && id < table.rows);
      widen_row(table, id, 0, table.cols, args.out.row(t));
    }
  });
}
