// Peak loops of x86, in assembly: a compiler that keeps one sum in memory halves what is measured.  Each
// function is for its own instruction set; runs_here() is asked first.
#include <cpuid.h>

#include <array>

#include "bench/peaks.h"
#include "kernels/processor.h"

// Runs `body` `rounds` times.  Before, every register is zero but number 15 (each 16 bits of it the bfloat
// 0.001) and, in the first half of the register file, number 14 (each 16 bits of it 1).  `x` is ymm or zmm.
#define DSA_PEAK_LOOP(rounds, x, registers, body)                                                            \
  do {                                                                                                       \
    std::int64_t left = rounds;                                                                              \
    const int factors = 0x3A833A83, ones = 0x00010001;                                                       \
    __asm__ volatile(".irp r," registers                                                                     \
                     "\n\tvxorps %%xmm\\r,%%xmm\\r,%%xmm\\r\n\t.endr\n\t"                                    \
                     "vbroadcastss %[factors],%%" x                                                          \
                     "15\n\t"                                                                                \
                     "vbroadcastss %[ones],%%" x                                                             \
                     "14\n"                                                                                  \
                     "1:\n\t" body "dec %[left]\n\tjnz 1b\n\tvzeroupper"                                     \
                     : [left] "+r"(left)                                                                     \
                     : [factors] "m"(factors), [ones] "m"(ones)                                              \
                     : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
                       "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");                                \
  } while (false)

// `instruction` once for each of twelve sums: that hides a latency of up to six cycles at two instructions a
// cycle, and leaves four of sixteen registers.
#define DSA_SUMS "0,1,2,3,4,5,6,7,8,9,10,11"
#define DSA_FOR_EACH_SUM(instruction) ".irp r," DSA_SUMS "\n\t" instruction "\n\t.endr\n\t"

namespace dsa {
namespace {

constexpr int kSums = 12;

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"); }
bool has_avx512_vnni() { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }

bool leaf7_1_eax(unsigned bit) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && ((a >> bit) & 1U) != 0;
}
bool has_avx_vnni() { return has_avx2() && leaf7_1_eax(4); }
bool has_avx512_bf16() { return has_avx512() && leaf7_1_eax(5); }

void fp32_avx2(std::int64_t rounds) {
  DSA_PEAK_LOOP(rounds, "ymm", DSA_SUMS, DSA_FOR_EACH_SUM("vfmadd213ps %%ymm15,%%ymm15,%%ymm\\r"));
}

// Products of 4-bit weights: eight pair sums fit 16 bits (8 * 2 * 15 * 127 < 32768) before they are widened.
// Six narrow sums, 0 .. 5, and six wide ones, 6 .. 11.
constexpr int kNarrowSums = 6, kNarrowSteps = 8;
void int8_avx2(std::int64_t rounds) {
  DSA_PEAK_LOOP(rounds, "ymm", DSA_SUMS,
                ".rept 8\n\t"
                ".irp r,0,1,2,3,4,5\n\t"
                "vpmaddubsw %%ymm15,%%ymm14,%%ymm12\n\t"
                "vpaddw %%ymm12,%%ymm\\r,%%ymm\\r\n\t"
                ".endr\n\t.endr\n\t"
                ".macro dsa_widen narrow wide\n\t"
                "vpmaddwd %%ymm14,%%ymm\\narrow,%%ymm12\n\t"
                "vpaddd %%ymm12,%%ymm\\wide,%%ymm\\wide\n\t"
                "vpxor %%ymm\\narrow,%%ymm\\narrow,%%ymm\\narrow\n\t"
                ".endm\n\t"
                "dsa_widen 0 6\n\tdsa_widen 1 7\n\tdsa_widen 2 8\n\t"
                "dsa_widen 3 9\n\tdsa_widen 4 10\n\tdsa_widen 5 11\n\t"
                ".purgem dsa_widen\n\t");
}

void int8_avx_vnni(std::int64_t rounds) {
  DSA_PEAK_LOOP(rounds, "ymm", DSA_SUMS, DSA_FOR_EACH_SUM("%{vex%} vpdpbusd %%ymm15,%%ymm14,%%ymm\\r"));
}

__attribute__((target("avx512f"))) void fp32_avx512(std::int64_t rounds) {
  DSA_PEAK_LOOP(rounds, "zmm", DSA_SUMS, DSA_FOR_EACH_SUM("vfmadd213ps %%zmm15,%%zmm15,%%zmm\\r"));
}

__attribute__((target("avx512f"))) void int8_avx512_vnni(std::int64_t rounds) {
  DSA_PEAK_LOOP(rounds, "zmm", DSA_SUMS, DSA_FOR_EACH_SUM("vpdpbusd %%zmm15,%%zmm14,%%zmm\\r"));
}

__attribute__((target("avx512f"))) void bf16_avx512(std::int64_t rounds) {
  DSA_PEAK_LOOP(rounds, "zmm", DSA_SUMS, DSA_FOR_EACH_SUM("vdpbf16ps %%zmm15,%%zmm15,%%zmm\\r"));
}

bool has_amx() { return !refusal(this_processor(), "amx"); }

// Registers of AMX: 6 sums of 16 x 16, and two factors, all zero.
constexpr int kSquareSums = 6, kSquareCells = 16 * 16;
struct alignas(64) WholeSquares {
  unsigned char palette = 1, start_row = 0, reserved[14] = {};
  unsigned short row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  unsigned char rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
#define DSA_SQUARE_LOOP(rounds, product)                                           \
  do {                                                                             \
    std::int64_t left = rounds;                                                    \
    const WholeSquares config;                                                     \
    __asm__ volatile(                                                              \
        "ldtilecfg %[config]\n"                                                    \
        "1:\n\t.irp r,0,1,2,3,4,5\n\t" product                                     \
        " %%tmm7,%%tmm6,%%tmm\\r\n\t.endr\n\tdec %[left]\n\tjnz 1b\n\ttilerelease" \
        : [left] "+r"(left)                                                        \
        : [config] "m"(config)                                                     \
        : "cc");                                                                   \
  } while (false)

void bf16_amx(std::int64_t rounds) { DSA_SQUARE_LOOP(rounds, "tdpbf16ps"); }
void int8_amx(std::int64_t rounds) { DSA_SQUARE_LOOP(rounds, "tdpbsud"); }

constexpr std::array<Peak, 8> kPeaks{{
    {Arithmetic::fp32, "AVX2 vfmadd", kSums * 8 * 2, has_avx2, fp32_avx2},
    {Arithmetic::fp32, "AVX-512 vfmadd", kSums * 16 * 2, has_avx512, fp32_avx512},
    {Arithmetic::bf16, "AVX512-BF16 vdpbf16ps", kSums * 32 * 2, has_avx512_bf16, bf16_avx512},
    {Arithmetic::int8, "AVX2 vpmaddubsw, 8 products of 4-bit weights widened at once",
     kNarrowSums* kNarrowSteps * 32 * 2, has_avx2, int8_avx2},
    {Arithmetic::int8, "AVX-VNNI vpdpbusd", kSums * 32 * 2, has_avx_vnni, int8_avx_vnni},
    {Arithmetic::int8, "AVX512-VNNI vpdpbusd", kSums * 64 * 2, has_avx512_vnni, int8_avx512_vnni},
    {Arithmetic::bf16, "AMX tdpbf16ps", kSquareSums* kSquareCells * 32 * 2, has_amx, bf16_amx},
    {Arithmetic::int8, "AMX tdpbsud", kSquareSums* kSquareCells * 64 * 2, has_amx, int8_amx},
}};

}  // namespace

std::span<const Peak> vector_peaks() { return kPeaks; }

}  // namespace dsa
