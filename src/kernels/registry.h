// One table of functions per kernel family, chosen once.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kernels/attention.h"
#include "kernels/demo.h"
#include "kernels/gate.h"
#include "kernels/indexer.h"
#include "kernels/linear.h"
#include "kernels/mlp.h"
#include "kernels/norm.h"
#include "kernels/rope.h"
#include "kernels/stream.h"

namespace dsa {

struct PairKernels;
struct RowKernels;

/// The ops, each once: OP(name, Args) for `void name(Exec&, const Args&)`, whose contract stands above Args.
#define DSA_OPS(OP)                      \
  OP(embedding, EmbeddingArgs)           \
  OP(rms_norm, RmsNormArgs)              \
  OP(layer_norm, LayerNormArgs)          \
  OP(linear, LinearArgs)                 \
  OP(absorb_query, AbsorbQueryArgs)      \
  OP(expand_value, ExpandValueArgs)      \
  OP(rope_angles, RopeAnglesArgs)        \
  OP(rope, RopeArgs)                     \
  OP(swiglu, SwigluArgs)                 \
  OP(add_rows, AddRowsArgs)              \
  OP(gather_rows, GatherRowsArgs)        \
  OP(scale_rows, ScaleRowsArgs)          \
  OP(zero_rows, ZeroRowsArgs)            \
  OP(mark_not_finite, MarkNotFiniteArgs) \
  OP(gate, GateArgs)                     \
  OP(sort_by_expert, SortByExpertArgs)   \
  OP(cache_write, CacheWriteArgs)        \
  OP(indexer_select, IndexerSelectArgs)  \
  OP(attention, AttentionArgs)           \
  OP(round_latents, RoundLatentsArgs)    \
  OP(round_index_heads, RoundIndexHeadsArgs)

/// One family.  All functions are thread-safe as long as their outputs and the Exec differ; none allocates,
/// except pack.  A family may borrow the reference's function for an op it does not speed up.
struct KernelTable {
  std::string_view name;  // "ref", "avx2", "avx512", "avx512_bf16", "amx"
  /// Why this machine cannot run the family, or nullopt.
  std::optional<std::string> (*refuse)() = nullptr;
  /// Attention and indexer scores over a BF16 cache round queries (and attention's weights) to BF16, products
  /// with FP8 weights round their inputs to it.
  bool bf16_products = false;
  /// What training computes with on the same processor (kernels/rows/row_kernels.h).
  const RowKernels* rows = nullptr;
  /// Where there are bf16_products: of rows that are rounded to it (kernels/rows/pair_kernels.h).
  const PairKernels* pairs = nullptr;

#define DSA_MEMBER(op, Args) void (*op)(Exec&, const Args&) = nullptr;
  DSA_OPS(DSA_MEMBER)
#undef DSA_MEMBER

  /// Bytes of the family's own layout of this weight, 0 if it reads the weight where it lies.
  std::size_t (*packed_bytes)(const WeightView&) = nullptr;
  /// Writes that layout to out (packed_bytes() bytes, aligned to 64);
  /// the caller then sets weight.packed = out.data().
  void (*pack)(Exec&, const WeightView&, std::span<std::byte> out) = nullptr;
};

/// Calls f(name, member) for every op: f("linear", &KernelTable::linear).
template <class F>
void for_each_op(const F& f) {
#define DSA_CALL(op, Args) f(std::string_view(#op), &KernelTable::op);
  DSA_OPS(DSA_CALL)
#undef DSA_CALL
}

/// The families compiled in, best first for this processor (kernels/processor.h).
std::span<const KernelTable* const> all_kernels();
/// Those that run here, best first; ref always does.
std::span<const KernelTable* const> runnable();
/// DSA_KERNELS if set (Error that lists what can run if it cannot), else the best runnable one.
const KernelTable& choose_kernels();
/// What choose_kernels() went by, for a person.
std::string_view why_chosen();
/// By name; Error that lists what can run.  "amx-emulated" is not in any list: it is for tests.
const KernelTable& kernels_named(std::string_view name);

extern const KernelTable kRefKernels;

}  // namespace dsa
