// Which rows go with which family of kernels, on x86.
#include "kernels/rows/row_kernels.h"

namespace dsa::train {
namespace avx2 {
extern const RowKernels kRows;
}
namespace avx512 {
extern const RowKernels kRows;
}

const RowKernels& row_kernels_for(std::string_view family) {
  if (family == "ref") return kPortableRows;
  return family.starts_with("avx512") ? avx512::kRows : avx2::kRows;
}

}  // namespace dsa::train
