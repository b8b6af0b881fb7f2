// The table of a family that has every op of ops.h.  Included behind it, inside namespace dsa::<family>.

constexpr KernelTable kernels(std::string_view name, std::optional<std::string> (*refuse)()) {
  KernelTable table = ref::kernels();
  table.name = name;
  table.refuse = refuse;
  table.rows = &kRows;
  table.embedding = embedding;
  table.rms_norm = rms_norm;
  table.layer_norm = layer_norm;
  table.linear = linear;
  table.absorb_query = absorb_query;
  table.expand_value = expand_value;
  table.rope = rope;
  table.swiglu = swiglu;
  table.add_rows = add_rows;
  table.gather_rows = gather_rows;
  table.scale_rows = scale_rows;
  table.zero_rows = zero_rows;
  table.mark_not_finite = mark_not_finite;
  table.cache_write = cache_write;
  table.indexer_select = indexer_select;
  table.attention = attention;
  table.packed_bytes = packed_bytes;
  table.pack = pack;
  return table;
}
