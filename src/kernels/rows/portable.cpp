// The rows in plain C++: for machines without a vectorised set, and what those are tested against.
#include <cmath>
#include <cstdint>

#include "kernels/rows/row_kernels.h"

#define DSA_UNROLL

namespace dsa {
namespace portable {
namespace {

#include "kernels/vec/portable.inl"

#include "kernels/vec/steps.inl"

inline constexpr int kProductRows = 4;

#include "kernels/rows/product.inl"

#include "kernels/rows/gather.inl"

#include "kernels/rows/rows.inl"

}  // namespace
}  // namespace portable

constinit const RowKernels kPortableRows = portable::row_kernels("portable");

}  // namespace dsa
