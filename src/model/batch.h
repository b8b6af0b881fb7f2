// What a forward pass is asked and what it answers.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>

#include "kernels/types.h"
#include "tensor/view.h"

namespace dsa {

/// Consecutive new tokens of one sequence: a chunk of its prompt or one decoded token.
struct SequenceSlice {
  std::span<const std::int32_t> tokens;       // ids in [0, vocab_size): checked by the engine
  std::int64_t first_position = 0;            // of tokens[0]; everything before it is in the cache
  std::span<const std::int32_t> page_table;   // pages of positions 0, 64, 128, ...; covers all of the slice
  std::span<const std::int32_t> logits_rows;  // which of `tokens` want logits, ascending
};

/// Many sequences at once, prefill chunks and decode rows mixed.
/// Results of a sequence do not depend on the others.
struct Batch {
  std::span<const SequenceSlice> sequences;
  /// Looked at between layers; once it is true the pass is given up.  May be null.
  const std::atomic<bool>* cancel = nullptr;
};

/// The first layer output that held a NaN or an infinity.
struct SequenceStatus {
  std::int64_t bad_layer = -1;     // -1: all is well; num_hidden_layers: the logits
  std::int64_t bad_position = -1;  // of the token in its sequence
  [[nodiscard]] bool ok() const { return bad_layer < 0; }
};

/// What one layer's attention is about to compute with, in the terms of grouped latent attention: head h of
/// group g scores token s as scale * (q_c[t, h] . c[s, g] + q_pe[t, h] . k_pe[s, g]).  All float32 and as
/// projected: the cache may have rounded c and k_pe.  Valid during the call.
struct AttentionInputs {
  TensorView<const float, 2> h;     // the normed hidden state that the projections read [n, hidden]
  TensorView<const float, 3> q_c;   // MLA: absorbed queries [n, heads, rank]; GQA: empty, c takes no part
  TensorView<const float, 3> q_pe;  // rotated queries [n, heads, rope dim]; GQA: whole heads
  TensorView<const float, 3> c;     // MLA: latents [n, 1, rank]; GQA: values [n, groups, head dim]
  TensorView<const float, 3> k_pe;  // rotated keys [n, groups, rope dim]; GQA: whole keys
  float scale = 0;
  std::span<const KvRow> rows;  // [n]: row t stands at position rows[t].visible - 1 of its sequence
  /// What the layer's own indexer selects with (kernels/indexer.h), also where it attends densely; empty
  /// where it has none in use.
  TensorView<const float, 3> index_q;  // rotated [n, index heads, index dim]
  TensorView<const float, 2> index_w;  // [n, index heads]
};

/// Windows into a forward pass for tests, evaluation and training.  Each may be empty; those that are shown
/// something mutable may overwrite it.
struct ForwardHooks {
  /// Before a layer selects and attends.
  std::function<void(std::int64_t layer, const AttentionInputs& inputs)> attention_inputs = {};
  /// After a layer selected: positions (ascending, -1 past count) of every row that has
  /// an indexer of its own.
  std::function<void(std::int64_t layer, TensorView<std::int32_t, 2> idx, std::span<std::int32_t> count)>
      selection = {};
  /// After a layer routed.
  std::function<void(std::int64_t layer, TensorView<const float, 2> router_logits,
                     TensorView<std::int32_t, 2> ids, TensorView<float, 2> weights)>
      routing = {};
  /// The residual stream after each layer.
  std::function<void(std::int64_t layer, TensorView<const float, 2> x)> layer_output = {};
};

}  // namespace dsa
