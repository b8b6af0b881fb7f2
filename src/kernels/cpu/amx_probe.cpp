// The products of squares one by one, to check them.
#include "kernels/cpu/includes.h"

#include DSA_BEGIN_FAMILY

#include DSA_VEC

#include DSA_SQUARES

namespace {

/// dot() of a [rows][k] and b [k][columns], in words, to c.
template <class Dot>
void probe(int rows, int columns, int k, const void* a, const void* b, void* c, Dot dot) {
  SquareConfig config;
  const auto shape = [&](int i, int high, int words) {
    config.rows[i] = static_cast<std::uint8_t>(high);
    config.row_bytes[i] = static_cast<std::uint16_t>(4 * words);
  };
  shape(0, rows, columns), shape(1, rows, k), shape(2, k, columns);
  square_configure(config);
  square_load<0>(c, 4 * columns);
  square_load<1>(a, 4 * k);
  square_load<2>(b, 4 * columns);
  dot();
  square_store<0>(c, 4 * columns);
  square_release();
}

void probe_bf16(int rows, int columns, int k, const void* a, const void* b, void* c) {
  probe(rows, columns, k, a, b, c, [] { square_dot_bf16<0, 1, 2>(); });
}
void probe_s8(int rows, int columns, int k, const void* a, const void* b, void* c) {
  probe(rows, columns, k, a, b, c, [] { square_dot_s8<0, 1, 2>(); });
}
void probe_s8_u8(int rows, int columns, int k, const void* a, const void* b, void* c) {
  probe(rows, columns, k, a, b, c, [] { square_dot_s8_u8<0, 1, 2>(); });
}

}  // namespace

constinit const SquareProbe kProbe{probe_bf16, probe_s8, probe_s8_u8};

#include "kernels/vec/end.h"
