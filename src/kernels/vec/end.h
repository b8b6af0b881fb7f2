// Closes what a family's begin.h opened: its namespace, which begin.h alone names, and its region.
}
#undef DSA_UNROLL
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
