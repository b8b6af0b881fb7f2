// A family whose products need no registers but a vector's.
// Needs: nothing.

/// Queries that products like to take at once; registers that a thread has to hold for them.
inline constexpr std::int64_t kQueryStep = 1;
struct HeldRegisters {};
