// AMX: eight registers ("squares", to tell them from the tiles of tile.h and of attention) of up to 16 rows
// of 64 bytes, and products of them.  vec/amx/squares.inl runs the instructions,
// vec/amx_emulated/squares.inl does the same on any processor with AVX-512, to the bit, and dies where an
// instruction would:
//   square_configure(config)      gives this thread its squares, all zero; before anything else
//   square_release()              takes them back: the system has to keep those of a thread that sleeps
//   square_zero<T>()
//   square_load<T>(p, stride)     rows of the configured width, `stride` bytes apart; the rest of T is 0
//   square_store<T>(p, stride)
//   square_dot_bf16<C, A, B>()    C += A B; A [m][k] and B [k][n] pairs of bf16: elements 2 k and 2 k + 1
//   square_dot_s8<C, A, B>()      C += A B; A [m][k] and B [k][n] quadruples of int8, C int32
//   square_dot_s8_u8<C, A, B>()   B unsigned
//
// A cell of C after square_dot_bf16 is  C + (even + odd),  where even is the sum over k, ascending, of the
// products of first elements, each added by one FMA to what there is (0 at first), and odd that of second
// elements.  All of it in float32, to nearest even, whatever MXCSR says; subnormals count as zeros of their
// sign, and become such (Intel's manual, TDPBF16PS).  The cell depends on its row of A, its column of B and
// its C alone.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace dsa {

inline constexpr int kSquares = 8, kSquareRows = 16, kSquareBytes = 64;

/// What LDTILECFG reads.  Entries past kSquares stay 0.
struct alignas(64) SquareConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};
static_assert(sizeof(SquareConfig) == 64);

/// a * b + c as the squares have it; a and b are bf16 (c any float).
float square_fma(float a, float b, float c);
/// One cell of square_dot_bf16: `pairs` pairs of a and of b, each pair of b `b_stride` elements behind the
/// last.
float square_cell(float c, const bf16* a, const bf16* b, std::int64_t b_stride, std::int64_t pairs);

/// One product by the squares, from memory to memory, to check them: c[rows][columns] += a[rows][k]
/// b[k][columns], where a, b and c are dense and k is in words of 32 bits.  Instructions of one family.
struct SquareProbe {
  void (*dot_bf16)(int rows, int columns, int k, const void* a, const void* b, void* c);
  void (*dot_s8)(int rows, int columns, int k, const void* a, const void* b, void* c);
  void (*dot_s8_u8)(int rows, int columns, int k, const void* a, const void* b, void* c);
};
/// True if both give the same bits for whole squares of drawn numbers.
bool same_products(const SquareProbe& one, const SquareProbe& other);
namespace amx {
extern const SquareProbe kProbe;
}
namespace amx_emulated {
extern const SquareProbe kProbe;
}

}  // namespace dsa
