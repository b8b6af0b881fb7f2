// The rows of one instruction set.
#include <cmath>

#include "kernels/rows/row_kernels.h"
#include "kernels/vec/includes.h"

#define DSA_STRING_OF(token) #token
#define DSA_STRING(macro) DSA_STRING_OF(macro)

#include DSA_BEGIN_FAMILY

namespace {

#include DSA_VEC

#include "kernels/vec/steps.inl"

#include "kernels/rows/product.inl"

#include "kernels/rows/gather.inl"

#include "kernels/rows/rows.inl"

}  // namespace

extern const RowKernels kRows = row_kernels(DSA_STRING(DSA_FAMILY));

#include "kernels/vec/end.h"
