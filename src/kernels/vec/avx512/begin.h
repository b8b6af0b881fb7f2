// Opens namespace dsa::avx512 and the region compiled for AVX-512 with VNNI (Ice Lake and Zen 4 on).
#if defined(__clang__)
#define DSA_UNROLL _Pragma("unroll")
#pragma clang attribute push(                                                                        \
        __attribute__((target("avx2,fma,f16c,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), \
            apply_to = function)
#else
#define DSA_UNROLL _Pragma("GCC unroll 16")
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")
#endif

namespace dsa::avx512 {
