// Opens namespace dsa::avx2 and the region compiled for AVX2, FMA and F16C.
#if defined(__clang__)
#define DSA_UNROLL _Pragma("unroll")
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#define DSA_UNROLL _Pragma("GCC unroll 16")
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif

namespace dsa::avx2 {
