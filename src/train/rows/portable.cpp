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

#include "train/rows/rows.inl"

}  // namespace
}  // namespace portable

const RowKernels kPortableRows{.name = "portable",
                               .product = portable::product,
                               .add_attention = portable::add_attention,
                               .add_relu = portable::add_relu,
                               .kl_row = portable::kl_row,
                               .relu_backward = portable::relu_backward,
                               .scale = portable::scale,
                               .add_scaled = portable::add_scaled,
                               .total = portable::total};

}  // namespace dsa::train
