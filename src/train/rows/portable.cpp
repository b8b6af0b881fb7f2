// The rows in plain C++: for machines without a vectorised set, and what those are tested against.
#include <cmath>
#include <cstdint>

#include "train/row_kernels.h"

#define DSA_UNROLL

namespace dsa::train {
namespace portable {
namespace {

#include "train/rows/vec_portable.inl"

inline constexpr int kProductRows = 4;

#include "train/rows/product.inl"

#include "train/rows/gather.inl"

#include "train/rows/rows.inl"

}  // namespace
}  // namespace portable

const RowKernels kPortableRows = portable::row_kernels("portable");

}  // namespace dsa::train
