// Opens namespace dsa::amx_emulated and the region compiled for what avx512_bf16 needs.
#if defined(__clang__)
#define DSA_UNROLL _Pragma("unroll")
#pragma clang attribute push(                                                                                \
        __attribute__((target(                                                                               \
                "avx2,fma,f16c,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vbmi,avx512bf16"))), \
            apply_to = function)
#else
#define DSA_UNROLL _Pragma("GCC unroll 16")
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vbmi,avx512bf16")
#endif

namespace dsa::amx_emulated {
