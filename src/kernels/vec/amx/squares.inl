// The instructions that kernels/cpu/amx.h describes.  In assembly: no compiler has to know of them, and
// `config` is an operand of 64 bytes (g++ 12's own intrinsic names 8 of them, and the stores to the others
// may be left out).
// Needs: nothing.

inline void square_configure(const SquareConfig& config) { __asm__ volatile("ldtilecfg %0" : : "m"(config)); }
inline void square_release() { __asm__ volatile("tilerelease"); }

template <int kTo>
inline void square_zero() {
  __asm__ volatile("tilezero %%tmm%c0" : : "i"(kTo));
}
template <int kTo>
inline void square_load(const void* p, std::int64_t stride) {
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(p), "r"(stride), "i"(kTo) : "memory");
}
template <int kFrom>
inline void square_store(void* p, std::int64_t stride) {
  __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(p), "r"(stride), "i"(kFrom) : "memory");
}

// Operands in the order of AT&T: B, A, C.
template <int kC, int kA, int kB>
inline void square_dot_bf16() {
  __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kC), "i"(kA), "i"(kB));
}
template <int kC, int kA, int kB>
inline void square_dot_s8() {
  __asm__ volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kC), "i"(kA), "i"(kB));
}
template <int kC, int kA, int kB>
inline void square_dot_s8_u8() {
  __asm__ volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kC), "i"(kA), "i"(kB));
}
