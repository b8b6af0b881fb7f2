// Float32 products with stored weights.
#include "kernels/cpu/includes.h"

#include DSA_BEGIN_FAMILY

#include DSA_VEC

#include "kernels/vec/steps.inl"

#include "kernels/cpu/ops/linear_cells.inl"

#include "kernels/cpu/ops/linear_dot.inl"

#include "kernels/cpu/ops/linear_panel.inl"

#include "kernels/cpu/ops/linear.inl"

#include "kernels/cpu/ops/mla.inl"

#include "kernels/vec/end.h"
