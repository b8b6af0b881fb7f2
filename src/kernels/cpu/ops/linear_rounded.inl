// linear of a family with BF16 products.
// Needs: linear_cells, linear_bf16, linear_fp8.

enum class Arithmetic : std::uint8_t { bf16, fp8, other };

inline Arithmetic arithmetic_of(DType type, Compute compute) {
  if (compute == Compute::f32) return Arithmetic::other;
  if (type == DType::bf16) return compute == Compute::demo ? Arithmetic::other : Arithmetic::bf16;
  return type == DType::f8_e4m3 ? Arithmetic::fp8 : Arithmetic::other;
}

/// BF16 outputs beside ggml blocks, as an indexer's projections beside q, k and v: in one region, because
/// threads that meet twice over so little work wait for each other.  False: there is nothing of the kind.
inline bool linear_beside_tiles(Exec& exec, const LinearArgs& args) {
  const LinearOutput *tiles[kMostOutputs], *bf16s[kMostOutputs];
  std::size_t blocks = 0, plain = 0;
  if (args.outputs.size() > kMostOutputs) return false;
  for (const LinearOutput& out : args.outputs) {
    if (out.weight.rows == 0) continue;
    if (arithmetic_of(out.weight.type, args.compute) == Arithmetic::bf16)
      bf16s[plain++] = &out;
    else if (args.compute != Compute::f32 && has_tile_format(out.weight.type))
      tiles[blocks++] = &out;
    else
      return false;
  }
  if (blocks == 0 || plain == 0) return false;
  const std::int64_t n = args.x.rows();
  const RoundedX x = round_x(exec, args, false);
  LinearArgs rest = args;
  rest.scratch = args.scratch.subspan(
      static_cast<std::size_t>(reinterpret_cast<const std::byte*>(x.row(n)) - args.scratch.data()));
  const Cells cells = bf16_cells({bf16s, plain}, x, n);
  const auto beside = [&](std::int64_t begin, std::int64_t end) {
    cells.each(begin, end,
               [&](const LinearOutput& out, const Cell& cell) { bf16_cell(out, cell, cells.group, x); });
  };
  const SideCells side{cells.count(), beside};
  avx512::linear_tiles(exec, rest, {tiles, blocks}, &side);
  return true;
}

/// FP8 and BF16 outputs here, the others as the float32 family has them.
void linear(Exec& exec, const LinearArgs& args) {
  if (args.x.rows() == 0 || linear_beside_tiles(exec, args)) return;
  for_each_kind(
      args.outputs, {Arithmetic::bf16, Arithmetic::fp8, Arithmetic::other},
      [&](DType type) { return arithmetic_of(type, args.compute); },
      [&](Arithmetic kind, std::span<const LinearOutput* const> outputs) {
        if (kind == Arithmetic::bf16) linear_bf16(exec, args, outputs);
        if (kind == Arithmetic::fp8) linear_fp8(exec, args, outputs);
        if (kind == Arithmetic::other) linear_by(avx512::linear, exec, args, outputs);
      });
}
