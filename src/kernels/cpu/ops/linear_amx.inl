// linear: many rows times ggml blocks by squares, all else as the family without AMX has it: the same bits.
// Needs: linear_tiles.

void linear(Exec& exec, const LinearArgs& args) {
  if (args.x.rows() < kSquareRows || args.compute == Compute::f32) return avx512_bf16::linear(exec, args);
  constexpr std::size_t kMost = 16;  // outputs taken at once; no caller has more than a few
  for (std::size_t at = 0; at < args.outputs.size(); at += kMost) {
    const LinearOutput* tiles[kMost];
    LinearOutput others[kMost];
    std::size_t tile_count = 0, other_count = 0;
    for (std::size_t i = at; i < args.outputs.size() && i < at + kMost; ++i) {
      const LinearOutput& out = args.outputs[i];
      if (!has_tile_format(out.weight.type))
        others[other_count++] = out;
      else if (out.weight.rows > 0)
        tiles[tile_count++] = &out;
    }
    if (tile_count > 0) linear_tiles(exec, args, {tiles, tile_count});
    if (other_count == 0) continue;
    LinearArgs rest = args;
    rest.outputs = {others, other_count};
    avx512_bf16::linear(exec, rest);
  }
}
