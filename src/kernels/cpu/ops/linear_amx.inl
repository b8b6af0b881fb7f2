// linear: FP8 and BF16 weights, and many rows times ggml blocks, by squares; all else as the family without
// AMX has it.  Blocks have the same bits there.
// Needs: linear_cells, linear_tiles, linear_weights_amx.

enum class Arithmetic : std::uint8_t { tiles, bf16, fp8, other };

inline Arithmetic arithmetic_of(DType type, const LinearArgs& args) {
  if (args.compute == Compute::f32) return Arithmetic::other;
  if (has_tile_format(type)) return args.x.rows() < kSquareRows ? Arithmetic::other : Arithmetic::tiles;
  if (type == DType::bf16) return args.compute == Compute::demo ? Arithmetic::other : Arithmetic::bf16;
  return type == DType::f8_e4m3 ? Arithmetic::fp8 : Arithmetic::other;
}

void linear(Exec& exec, const LinearArgs& args) {
  if (args.x.rows() == 0) return;
  for_each_kind(
      args.outputs, {Arithmetic::tiles, Arithmetic::bf16, Arithmetic::fp8, Arithmetic::other},
      [&](DType type) { return arithmetic_of(type, args); },
      [&](Arithmetic kind, std::span<const LinearOutput* const> outputs) {
        if (kind == Arithmetic::tiles) linear_tiles(exec, args, outputs);
        if (kind == Arithmetic::bf16 || kind == Arithmetic::fp8) linear_squares(exec, args, outputs);
        if (kind == Arithmetic::other) linear_by(avx512_bf16::linear, exec, args, outputs);
      });
}
