// Guesses by a layer of the model's own (multi-token prediction, MTP).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "model/block.h"
#include "model/kv_cache.h"
#include "model/load_sizes.h"
#include "model/rope_table.h"

namespace dsa {

/// The layer that DeepSeek-V3's family stores after the main ones: from what the main model puts out at a
/// token (its norm included) and the token that follows it says the one after that.  What it puts out itself
/// stands in for the main model's output to guess one token further, and so on.
///
/// The model checks what it guesses, so it may see less than the model does.  For each of places() sequences
/// it has the main model's output at the last kOutputs tokens and, once somebody asked for guesses, entries
/// of its own for at most kWindow tokens, to all of which it attends.  After a gap (tokens that were found in
/// the cache, or kOutputs of them without a guess) its entries begin anew.  One caller at a time, between
/// passes.
class Mtp {
 public:
  static constexpr std::int64_t kPlaces = 16;
  static constexpr std::int64_t kOutputs = 16;   // tokens
  static constexpr std::int64_t kWindow = 1024;  // tokens

  /// What a sequence asks for.
  struct Ask {
    std::int32_t place = 0;
    std::span<const std::int32_t> tokens;  // all of the sequence; the model has run all but the last
    std::span<std::int32_t> guesses;       // as many are wanted, at least one
    std::int64_t made = 0;                 // all; or none: it has not seen the last token's forerunner
    std::int64_t read = 0;                 // tokens whose entries had to be made first
  };
  /// What a transformer lends it, and outlives it.
  struct Model {
    const ModelConfig& config;
    const ModelWeights& weights;  // with mtp
    const RopeTable& rope;
    Activations& act;
    const KernelTable& kernels;
    Exec& exec;
    Compute compute;
  };

  Mtp(const Model& model, const LoadSizes& sizes);
  Mtp(const Mtp&) = delete;
  Mtp& operator=(const Mtp&) = delete;
  /// What the constructor takes.
  static std::size_t bytes(const ModelConfig& config, Compute compute, const LoadSizes& sizes);

  [[nodiscard]] std::int64_t places() const { return std::ssize(seen_); }
  /// A pass ran `x.rows()` tokens of the sequence, the first of which stands at `first`; x: the residual
  /// stream after the last layer.
  void see(std::int32_t place, std::int64_t first, TensorView<const float, 2> x);
  /// The place is another sequence's from now on.
  void forget(std::int32_t place);
  /// Of each ask another place.  Allocates nothing.
  void guess(std::span<Ask> asks);
  /// Of the last guess of the ask that stands at `i` in the latest guess() [vocab]: to be tested.
  [[nodiscard]] std::span<const float> logits(std::int64_t i) const { return logits_.span(i); }

 private:
  struct Seen {
    std::int64_t begin = 0, end = 0;     // tokens whose output is here
    std::int64_t origin = 0, entry = 0;  // tokens of the entries: [origin, entry)
    std::array<std::int32_t, kWindow / kPageTokens> pages = {};
  };
  struct Pending {
    Ask* ask;
    std::int32_t output = 0;  // row of act_.last that its last guess came from
  };

  bool prepare(const Ask& ask);
  void catch_up();
  void add_entries(const Pending& pending, std::int64_t end);
  void add_row(std::int32_t place, std::int64_t at, std::int32_t next, std::int32_t source);
  void clear_rows();
  void run(TensorView<const float, 2> source);
  void say();
  static std::int32_t output_row(std::int32_t place, std::int64_t at);

  const ModelConfig& config_;
  const ModelWeights& weights_;
  const MtpWeights& mtp_;
  const RopeTable& rope_;
  Activations& act_;
  const KernelTable& kernels_;
  Exec& exec_;
  Compute compute_;
  std::int64_t max_rows_, window_pages_;
  Buffer memory_;
  KvView kv_;
  TensorView<float, 2> outputs_;  // [places * kOutputs, hidden]: token t of a place at row t % kOutputs
  TensorView<float, 2> joined_;   // [max_rows, 2 * hidden]
  TensorView<float, 2> logits_;   // [places, vocab]
  std::span<std::byte> scratch_;  // of eh_proj
  Block block_;
  AttentionPlan plan_;
  std::vector<Seen> seen_;
  std::vector<Pending> pending_;
  // Of a pass.
  std::vector<std::int32_t> tokens_, sources_, wanted_;
  std::vector<std::int64_t> positions_;
  std::vector<KvRow> rows_;
};

}  // namespace dsa
