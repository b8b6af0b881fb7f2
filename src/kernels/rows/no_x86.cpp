// A processor family without vectorised rows.
#include "kernels/rows/row_kernels.h"

namespace dsa::train {

const RowKernels& row_kernels_for(std::string_view) { return kPortableRows; }

}  // namespace dsa::train
