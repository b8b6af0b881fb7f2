// The vectors of a family with AMX are those of AVX-512.
#include "kernels/vec/avx512/vec.inl"
