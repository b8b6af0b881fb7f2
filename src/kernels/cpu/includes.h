// What the op bodies need, included before a family's target region opens: what its vectors need, the
// contracts, and the family's own ops.
#pragma once

#include <span>

#include "kernels/cpu/amx.h"
#include "kernels/cpu/side_cells.h"
#include "kernels/cpu/tile.h"
#include "kernels/dequantize.h"
#include "kernels/quantize.h"
#include "kernels/registry.h"
#include "kernels/scratch.h"
#include "kernels/vec/includes.h"

namespace dsa::DSA_FAMILY {
#include "kernels/cpu/ops.h"
}  // namespace dsa::DSA_FAMILY
