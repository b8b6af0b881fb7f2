// The vectors of a family that multiplies BF16 too are those of the one that does not.
#include "kernels/vec/avx512/vec.inl"
