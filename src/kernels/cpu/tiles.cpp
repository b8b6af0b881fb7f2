// Products with repacked ggml blocks.
#include "kernels/cpu/includes.h"

#include DSA_BEGIN_FAMILY

#include DSA_VEC

#include "kernels/cpu/ops/linear_steps.inl"

#include "kernels/cpu/ops/linear_asides.inl"

#include "kernels/cpu/ops/linear_tiles_vectors.inl"

#include "kernels/cpu/ops/linear_tiles.inl"

#include "kernels/vec/end.h"
