// What a family's vectors need, included before its target region opens (<family>/begin.h): no code from
// outside (inline functions of the standard library above all) may be compiled for a processor that is
// missing.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels/vec/x_block.h"
#include "tensor/dtype.h"
