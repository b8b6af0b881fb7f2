// A family without BF16 products.
// Needs: indexer_keys.

inline void score_rows_rounded(const IndexerSelectArgs& args, std::int64_t t, std::int64_t first,
                               TensorView<float, 2> out) {
  score_rows_by<FloatKeys<bf16>>(args, t, first, out);
}
