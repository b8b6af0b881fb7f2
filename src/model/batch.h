// What a forward pass is asked and what it answers.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "kernels/types.h"
#include "model/options.h"
#include "tensor/view.h"

namespace dsa {

/// Consecutive new tokens of one sequence: a chunk of its prompt or one decoded token.
struct SequenceSlice {
  std::span<const std::int32_t> tokens;       // ids in [0, vocab_size)
  std::int64_t first_position = 0;            // of tokens[0]; everything before it is in the cache
  std::span<const std::int32_t> page_table;   // pages of positions 0, 64, 128, ...; covers all of the slice
  std::span<const std::int32_t> logits_rows;  // which of `tokens` want logits, ascending
  RunOptions run = {};
  /// The sequence's place in the model's layer for guesses, which is to see what the pass puts out.
  std::optional<std::int32_t> mtp_place = std::nullopt;
  /// Looked at between layers.  Once it is true for every sequence of a batch the pass is given up.  May be
  /// null.
  const std::atomic<bool>* cancel = nullptr;
};

/// Many sequences at once, prefill chunks and decode rows mixed, each attending in its own way.  Results of a
/// sequence do not depend on the others.
struct Batch {
  std::span<const SequenceSlice> sequences;
};

/// Token rows, over all layers, that attended over a selection, and over everything.
struct AttentionCounters {
  std::int64_t sparse_rows = 0;
  std::int64_t dense_rows = 0;

  AttentionCounters& operator+=(const AttentionCounters& more) {
    sparse_rows += more.sparse_rows;
    dense_rows += more.dense_rows;
    return *this;
  }
};

enum class PassOutcome : std::uint8_t {
  done,
  cancelled,   // nothing that the pass was to write for this sequence may be used
  not_finite,  // nor here: a layer's output held a NaN or an infinity (the last one's: of wanted rows)
  refused,     // nothing was done for it, and it has no rows among the logits
};

/// Why a sequence was refused.
enum class Refusal : std::uint8_t {
  none,
  token,          // an id outside the vocabulary
  position,       // before the beginning, or past the context
  page_table,     // too short, or a page that the cache has not
  logits_rows,    // not ascending, or beyond the tokens
  no_indexer,     // to attend over a selection
  topk,           // more tokens in a selection than the model was loaded for
  too_many_rows,  // in the batch: this sequence and those after it do not fit
  shared_page,    // that one sequence writes and another one uses
};

/// What a pass did for one sequence.
struct SequenceStatus {
  PassOutcome outcome = PassOutcome::done;
  std::int64_t bad_layer = -1;       // not_finite: the first; num_hidden_layers: the logits
  std::int64_t bad_position = -1;    // not_finite: of the token in its sequence
  AttentionCounters attention = {};  // done
  Refusal refusal = Refusal::none;   // refused

  [[nodiscard]] bool ok() const { return outcome == PassOutcome::done; }
};

/// Of one that is not_finite or refused: a sentence that says why.  `layers`: num_hidden_layers.
std::string describe(const SequenceStatus& status, std::int64_t layers);

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
  TensorView<const float, 3> index_q;       // rotated [n, index heads, index dim]
  TensorView<const float, 2> index_w;       // [n, index heads]
  TensorView<const float, 2> index_k = {};  // [n, index dim]: what the layer's cache keeps
};

/// Windows into a forward pass for tests, evaluation and training.  Each may be empty; those that are shown
/// something mutable may overwrite it.
struct ForwardHooks {
  /// Before a layer selects and attends.
  std::function<void(std::int64_t layer, const AttentionInputs& inputs)> attention_inputs = {};
  /// After a layer with an indexer of its own selected: positions (ascending, -1 past count) for every row of
  /// the sequences of which some row attends over a selection; the rows of the others have count 0.
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
