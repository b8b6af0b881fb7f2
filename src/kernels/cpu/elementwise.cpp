// Norms, rope and the other ops that pass once over their rows.
#include "kernels/cpu/includes.h"

#include DSA_BEGIN_FAMILY

#include DSA_VEC

#include "kernels/cpu/ops/int8_rows.inl"

#include "kernels/cpu/ops/elementwise.inl"

#include "kernels/vec/end.h"
