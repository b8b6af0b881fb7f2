// What mla_rounded.inl needs, by squares: multiply_page is that of squares.inl.
// Needs: linear_weights_amx, squares.

inline constexpr std::int64_t kPageRows = kSquareRows;  // of a page's products at a time
inline constexpr std::int64_t kRowsHere = kSquareGroups * kSquareRows;

/// All rows of x, to memory that has room for them.
inline TurnedX round_here(const LinearArgs& args, bf16* to) {
  const std::int64_t n = args.x.rows(), stride = pairs_stride(args);
  const TurnedX x{reinterpret_cast<std::uint32_t*>(to), n, stride / 2};
  for (std::int64_t t = 0; t < n; t += kSquareRows)
    for (std::int64_t k = 0; k < stride; k += kScaleBlock)
      turn_part(args, false, t, x.rows(t), k, x.at(t, k));
  return x;
}

/// An output for n rows of x, by one thread.
inline void multiply_here(const LinearOutput& out, const TurnedX& x, std::int64_t n) {
  for (std::int64_t first = 0; first < out.weight.rows; first += kSquareRows)
    square_output(out, Cell{first, 0, n, first == 0}, x);
}
