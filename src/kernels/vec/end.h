// Closes what a begin.h opened.
#undef DSA_UNROLL
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
