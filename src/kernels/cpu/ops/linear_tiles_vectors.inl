// A family that multiplies tiles by vectors alone.
// Needs: vec.

/// Rows of x that are best taken at once.
inline constexpr std::int64_t kRowStep = kTileBatch;

/// acc[rows][16] += x times a tile over `supers` superblocks, as many rows as are done otherwise
/// than by vectors; returns how many.
template <class T>
std::int64_t multiply_many(const std::byte*, std::int64_t, const XBlock*, std::int64_t, std::int64_t,
                           float*) {
  return 0;
}
