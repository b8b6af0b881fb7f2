// A grouped-query model that attends over its indexer's selections, with the gradients of a training step.
// libtorch's autograd goes through the layers; its types stop behind this header.
//
// Two losses that do not touch each other (DeepSeek-V3.2, section 2.1):
//   language model  -> main weights alone
//     mean over positions of (1 - W) * cross-entropy of the next token + W * KL(teacher || model)
//   indexer         -> that layer's indexer alone
//     by layer, KL over each selection (train/sparse/sparse_indexer.h)
// Or a loss of single tokens, for answers, with the indexers frozen.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "checkpoint/model_config.h"
#include "model/sequence_pass.h"
#include "train/loop/flat_tensors.h"
#include "train/loop/products.h"
#include "train/sparse/joined_rows.h"
#include "train/sparse/selected_attention.h"
#include "train/sparse/token_loss.h"
#include "train/warmup/indexer_parameters.h"

namespace dsa::train {

class SparseModel {
 public:
  /// All of it must outlive the model.  `trainable` is `weights` itself, or LoRA weights for it; then
  /// `weights` are frozen.  Gradients have the tensors of what they belong to.  Indexers of no layers: none.
  struct Parameters {
    FlatTensors& weights;
    FlatTensors& trainable;
    FlatTensors& gradient;
    IndexerTensors& indexer;
    IndexerTensors& indexer_gradient;
  };
  struct Options {
    std::int64_t max_context = 0;
    std::int64_t max_rows = 0;                   // of all parts of a run; 0: max_context
    std::int64_t topk = 0;                       // of the layer that selects most
    std::vector<std::int64_t> topk_layers = {};  // of each; none: topk
    Products products = Products::f32;
  };
  SparseModel(const ModelConfig& config, const Parameters& parameters, const Options& options, Exec& exec,
              const KernelTable& kernels);
  ~SparseModel();
  SparseModel(const SparseModel&) = delete;
  SparseModel& operator=(const SparseModel&) = delete;

  /// Shows the teacher's logits for the tokens at hand, block by block; false if cancelled.
  using Teacher = std::function<bool(std::span<const std::int32_t>, const SequencePass::VisitLogits&)>;
  enum class Gradients : std::uint8_t {
    none,
    all,
    more,  // adds to what earlier runs wrote, with a TokenLoss alone
  };
  struct Request {
    std::span<const std::int32_t> tokens;  // at least 2; each predicts the next
    Gradients gradients = Gradients::all;
    double distill = 0;  // W; more than 0 needs a teacher
    Teacher teacher = {};
    const TokenLoss* token_loss = nullptr;  // in place of both losses; what follows goes with it
    /// `tokens` are what these have of their own, one after the other; none: one sequence.
    std::span<const SequencePart> parts = {};
    bool dense = false;  // attention over everything
    /// By part and layer, selections of its sequence to be made again; none: the indexers select.
    std::span<const std::span<const Selection>> selections = {};
  };
  struct Losses {
    double language_model = 0;          // mean cross-entropy, nats a token
    double distill = 0;                 // mean KL(teacher || model), nats a token; 0 without a teacher
    std::vector<double> kl;             // of the indexers, by layer
    std::vector<float> log_probs = {};  // with a TokenLoss, of its tokens; language_model is minus their mean
  };
  /// Losses, and with Gradients::all writes both gradients in full.  nullopt if cancelled: then they are of
  /// no use.  Throws Error, naming the layer, at the first output that is not finite.
  std::optional<Losses> run(const Request& request, const std::atomic<bool>& cancel);

  /// [tokens, vocab], for tests.
  std::vector<float> logits(std::span<const std::int32_t> tokens);
  /// Of the last run, for tests.
  [[nodiscard]] const Selection& selection(std::int64_t layer) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dsa::train
