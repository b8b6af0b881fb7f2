// One table of functions per kernel family, chosen once.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kernels/attention.h"
#include "kernels/gate.h"
#include "kernels/indexer.h"
#include "kernels/linear.h"
#include "kernels/mlp.h"
#include "kernels/norm.h"
#include "kernels/rope.h"

namespace dsa {

/// Every op by name.  All functions are thread-safe as long as their outputs and the Exec differ; none
/// allocates, except pack.  Contracts stand in the headers above.  A family may borrow the reference's
/// function for an op it does not speed up.
struct KernelTable {
  std::string_view name;  // "ref", "avx2", "avx512", "avx512_bf16"
  /// Attention and indexer scores over a BF16 cache round queries (and attention's weights) to BF16, products
  /// with FP8 weights round their inputs to it.
  bool bf16_products = false;

  void (*embedding)(Exec&, const EmbeddingArgs&) = nullptr;
  void (*rms_norm)(Exec&, const RmsNormArgs&) = nullptr;
  void (*layer_norm)(Exec&, const LayerNormArgs&) = nullptr;
  void (*linear)(Exec&, const LinearArgs&) = nullptr;
  void (*absorb_query)(Exec&, const AbsorbQueryArgs&) = nullptr;
  void (*expand_value)(Exec&, const ExpandValueArgs&) = nullptr;
  void (*rope)(Exec&, const RopeArgs&) = nullptr;
  void (*swiglu)(Exec&, const SwigluArgs&) = nullptr;
  void (*add_rows)(Exec&, const AddRowsArgs&) = nullptr;
  void (*gate)(Exec&, const GateArgs&) = nullptr;
  void (*cache_write)(Exec&, const CacheWriteArgs&) = nullptr;
  void (*indexer_scores)(Exec&, const IndexerScoresArgs&) = nullptr;
  void (*indexer_select)(Exec&, const IndexerSelectArgs&) = nullptr;
  void (*attention)(Exec&, const AttentionArgs&) = nullptr;

  /// Bytes of the family's own layout of this weight, 0 if it reads the weight where it lies.
  std::size_t (*packed_bytes)(const WeightView&) = nullptr;
  /// Writes that layout to out (packed_bytes() bytes, aligned to 64);
  /// the caller then sets weight.packed = out.data().
  void (*pack)(Exec&, const WeightView&, std::span<std::byte> out) = nullptr;
};

/// The families compiled in, best first.
std::span<const KernelTable* const> all_kernels();
/// Why this machine cannot run a family, or nullopt.
std::optional<std::string> refuse(const KernelTable& table);
/// Those that run here, best first; ref always does.
std::span<const KernelTable* const> runnable();
/// DSA_KERNELS if set (Error that lists what can run if it cannot), else the best runnable one.
const KernelTable& choose_kernels();
/// By name; Error that lists what can run.
const KernelTable& kernels_named(std::string_view name);

extern const KernelTable kRefKernels;

}  // namespace dsa
