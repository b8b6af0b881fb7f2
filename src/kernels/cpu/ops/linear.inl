// linear: each output by the arithmetic of its weight's type.
// Needs: linear_cells, linear_panel.

/// x rounded as FP8 activations are, in scratch.
inline TensorView<const float, 2> round_fp8(Exec& exec, const LinearArgs& args) {
  const std::int64_t n = args.x.rows(), dim = args.x.cols();
  auto scratch = args.scratch;
  float* rounded = take<float>(scratch, n * dim, 64).data();
  exec.parallel_for(n, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t)
      act_quant(args.x.span(t), {rounded + t * dim, static_cast<std::size_t>(dim)});
  });
  return {rounded, {n, dim}};
}

enum class Arithmetic : std::uint8_t { f32, fp8, tiles };

inline Arithmetic arithmetic_of(DType type, Compute compute) {
  if (compute == Compute::f32) return Arithmetic::f32;
  if (has_tile_format(type)) return Arithmetic::tiles;
  return compute == Compute::demo && type == DType::f8_e4m3 ? Arithmetic::fp8 : Arithmetic::f32;
}

void linear(Exec& exec, const LinearArgs& args) {
  if (args.x.rows() == 0) return;
  for_each_kind(
      args.outputs, {Arithmetic::tiles, Arithmetic::fp8, Arithmetic::f32},
      [&](DType type) { return arithmetic_of(type, args.compute); },
      [&](Arithmetic kind, std::span<const LinearOutput* const> outputs) {
        if (kind == Arithmetic::tiles) linear_tiles(exec, args, outputs);
        if (kind == Arithmetic::fp8) linear_dot(exec, round_fp8(exec, args), outputs);
        if (kind == Arithmetic::f32) linear_dot(exec, args.x, outputs);
      });
}

std::size_t packed_bytes(const WeightView& weight) {
  return has_tile_format(weight.type) ? tiles_bytes(weight) : 0;
}

void pack(Exec& exec, const WeightView& weight, std::span<std::byte> out) {
  if (!has_tile_format(weight.type)) return;
  const std::int64_t tiles = tile_count(weight);
  if (tiles == 0) return;
  const std::size_t tile_bytes = tiles_bytes(weight) / static_cast<std::size_t>(tiles);
  const std::int64_t supers = weight.cols / (kStep * tile_format(weight.type).steps);
  DSA_CHECK(out.size() >= tiles_bytes(weight));
  exec.parallel_for(tiles, 16, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t tile = begin; tile < end; ++tile)
      pack_tile(weight, tile, 0, supers, out.data() + static_cast<std::size_t>(tile) * tile_bytes);
  });
}

/// Rows of the table, exactly dequantised.
void embedding(Exec& exec, const EmbeddingArgs& args) {
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
