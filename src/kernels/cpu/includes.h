// What the op bodies need, included before a family's target region opens: no code from outside (inline
// functions of the standard library above all) may be compiled for a processor that is missing.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <span>
#include <type_traits>

#include "kernels/cpu/tile.h"
#include "kernels/dequantize.h"
#include "kernels/quantize.h"
#include "kernels/registry.h"
#include "kernels/scratch.h"
