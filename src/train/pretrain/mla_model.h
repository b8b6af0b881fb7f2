// A model of DeepSeek-V3.2's architecture in training: its losses and their gradients for a batch of
// sequences.  libtorch's autograd goes through the layers; its types stop behind this header.
//
// What is trained depends on the stage (DeepSeek-V3.2, section 2.1):
//   dense    attention over everything.  Mean cross-entropy of the next token + W * that of the one
//            after it, which the multi-token-prediction module says           -> main weights
//   warmup   attention over everything.  By layer,
//            KL(mean attention || softmax(index scores))                      -> indexers alone
//   sparse   attention over the indexers' selections.  The losses of `dense`  -> main weights;
//            the KL over each selection                                       -> indexers.
//            Neither loss reaches the other's weights.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "checkpoint/model_config.h"
#include "exec/exec.h"
#include "kernels/registry.h"
#include "train/loop/flat_tensors.h"
#include "train/loop/products.h"
#include "train/pretrain/stages.h"
#include "train/sparse/joined_rows.h"
#include "train/sparse/selected_attention.h"
#include "train/sparse/token_loss.h"
#include "train/warmup/indexer_parameters.h"
#include "train/warmup/layer_loss.h"

namespace dsa::train {

class MlaModel {
 public:
  /// All of it must outlive the model.  `weights` as mla_weights() lays them out; gradients have the
  /// tensors of what they belong to.
  struct Parameters {
    FlatTensors& weights;
    FlatTensors& gradient;
    IndexerTensors& indexer;
    IndexerTensors& indexer_gradient;
  };
  struct Options {
    std::int64_t max_context = 0;  // tokens of a sequence at most
    double mtp = 0;                // W; 0: the prediction module is left out
    Products products = Products::f32;
  };
  MlaModel(const ModelConfig& config, const Parameters& parameters, const Options& options, Exec& exec,
           const KernelTable& kernels);
  ~MlaModel();
  MlaModel(const MlaModel&) = delete;
  MlaModel& operator=(const MlaModel&) = delete;

  enum class Gradients : std::uint8_t {
    none,
    all,
    more,  // adds to what earlier runs wrote: a batch may come in parts
  };
  using TokenLoss = train::TokenLoss;  // with one, the prediction module takes no part
  /// What the model chose when it wrote the tokens, to be chosen again in `sparse`.
  struct Replay {
    /// By layer and part, rows of all tokens of its sequence; a layer or a part without any selects for
    /// itself.  With frozen indexers alone.
    std::vector<std::vector<const Selection*>> selections = {};
    /// By layer: experts of every row [rows, experts a token]; empty: the routers choose.
    std::vector<std::vector<std::int32_t>> experts = {};
  };
  struct Request {
    std::span<const std::int32_t> tokens;  // the sequences one after the other
    std::int64_t context = 0;              // tokens of each, at least 3; without `parts`
    /// With a TokenLoss: `tokens` are what these have of their own, one after the other.  Nothing is shared
    /// where indexers learn.
    std::span<const SequencePart> parts = {};
    StageKind stage = StageKind::dense;
    Gradients gradients = Gradients::all;
    bool recall = false;  // wanted in `warmup` and `sparse`
    const TokenLoss* token_loss = nullptr;
    const Replay* replay = nullptr;
    bool frozen_indexers = false;  // in `sparse`: they select, and get neither loss nor gradient
    double indexer_share = 1;      // that this run's sequences have in a batch's mean of the indexers' loss
  };
  struct Losses {
    double language_model = 0;        // mean cross-entropy, nats a token; 0 in a warm-up with gradients
    double mtp = 0;                   // of the token after the next; 0 without the module
    std::vector<LayerLoss> indexers;  // by layer; empty in `dense`
    /// By layer: routed tokens by expert; empty where dense.
    std::vector<std::vector<std::int64_t>> expert_load;
    /// With a TokenLoss, of the tokens that take part; language_model is then minus their mean.
    std::vector<float> log_probs = {};
  };
  /// Losses, and with Gradients::all writes the gradients of what the stage trains in full, zeros for the
  /// rest; a TokenLoss's is what its slopes say, the indexers' is that of the sequences' mean.
  /// nullopt if cancelled: then they are of no use.  Throws Error, naming the layer, at the first output that
  /// is not finite.
  std::optional<Losses> run(const Request& request, const std::atomic<bool>& cancel);

  /// [tokens, vocab] of one sequence, over everything or over the selections; for tests.
  std::vector<float> logits(std::span<const std::int32_t> tokens, StageKind stage);
  /// Of the last run or logits(), sequence 0; no rows where it saw everything unasked.  For tests.
  [[nodiscard]] const Selection& selection(std::int64_t layer) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dsa::train
