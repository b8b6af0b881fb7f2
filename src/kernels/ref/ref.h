// The reference family: one readable scalar function per op, the oracle of every other family.
// Shapes are checked here once per call (DSA_CHECK: the model has checked its files before).
#pragma once

#include "kernels/registry.h"
#include "kernels/rows/row_kernels.h"

namespace dsa::ref {

#define DSA_DECLARE(op, Args) void op(Exec& exec, const Args& args);
DSA_OPS(DSA_DECLARE)
#undef DSA_DECLARE

std::optional<std::string> refuse();
std::size_t packed_bytes(const WeightView& weight);
void pack(Exec& exec, const WeightView& weight, std::span<std::byte> out);

/// The table, which other families start from.
constexpr KernelTable kernels() {
  KernelTable table{.name = "ref", .refuse = refuse, .rows = &kPortableRows};
#define DSA_ENTER(op, Args) table.op = op;
  DSA_OPS(DSA_ENTER)
#undef DSA_ENTER
  table.packed_bytes = packed_bytes;
  table.pack = pack;
  return table;
}

}  // namespace dsa::ref
