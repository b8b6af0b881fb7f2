// One conversation with one model: what `dsa run` and `dsa chat` stand on.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/open_model.h"
#include "kernels/types.h"
#include "model/options.h"
#include "sampling/sampler.h"
#include "tokenizer/tokenizer.h"

namespace dsa {

/// Figures of one answer (docs/interfaces.md, "Timings").  Times in milliseconds.
struct Timings {
  double load_ms = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;  // of the prompt, already in the cache from the turn before
  double prefill_ms = 0;
  double ttft_ms = 0;
  std::int64_t completion_tokens = 0;
  double decode_ms = 0;  // from the first token to the last
  std::int64_t peak_rss_bytes = 0;

  /// Of the tokens really computed.
  [[nodiscard]] double prefill_tok_s() const;
  [[nodiscard]] double decode_tok_s() const;
  [[nodiscard]] double tpot_ms() const;
};

enum class FinishReason : std::uint8_t { stop, length, cancelled, failed };
std::string_view name(FinishReason reason);  // "stop", "length", "cancelled", "error"

struct GenerateRequest {
  std::span<const std::int32_t> prompt;  // not empty
  SamplingParams sampling;
  std::int64_t max_tokens = -1;           // -1: until the context is full
  std::vector<std::int32_t> stop_tokens;  // end the answer; not part of the text
  std::vector<std::string> stop_strings;  // likewise, also across token borders
  bool show_special = false;              // special tokens become part of the text
};

struct GenerateCallbacks {
  std::function<void(std::int64_t done, std::int64_t total)> on_prefill;  // after every chunk
  std::function<void(std::string_view text)> on_text;                     // complete UTF-8 only
};

struct GenerateResult {
  std::string text;
  std::vector<std::int32_t> tokens;  // without the stop token
  FinishReason finish_reason = FinishReason::stop;
  std::string error;  // finish_reason == failed: one line that names layer and token
  Timings timings;
};

/// What the last forward passes selected (for /stats).
struct SelectionStats {
  std::int64_t sparse_rows = 0;  // token rows (over all layers) that attended over a selection
  std::int64_t dense_rows = 0;
};

/// A loaded model with the cache of one sequence.  Not thread-safe: one call at a time; `cancel` may be set
/// from anywhere, a signal handler too.
class Session {
 public:
  /// Opens, checks, loads.  Throws Error.
  Session(ModelFiles files, const ModelOptions& options);
  ~Session();

  /// Opened when first asked for.  Throws Error.
  [[nodiscard]] const Tokenizer& tokenizer() const;
  [[nodiscard]] const ModelFiles& files() const;
  [[nodiscard]] std::int64_t context() const;  // most tokens the cache can hold
  [[nodiscard]] bool has_indexer() const;
  [[nodiscard]] std::int64_t topk() const;  // tokens a selection holds; 0: no indexer
  [[nodiscard]] std::string_view kernels() const;

  /// Answers the prompt.  The longest prefix that is still in the cache is not computed again (the result is
  /// the same bit for bit).  Throws Error if the prompt is empty, holds an id outside the vocabulary or does
  /// not fit in the context.
  GenerateResult generate(const GenerateRequest& request, const GenerateCallbacks& callbacks,
                          const std::atomic<bool>& cancel);

  /// Logits of every position of `tokens`, [n, vocab] row by row, handed out chunk by chunk;
  /// the cache is started anew.
  void logits(std::span<const std::int32_t> tokens,
              const std::function<void(std::int64_t first_row, TensorView<const float, 2> rows)>& visit,
              const std::atomic<bool>& cancel);

  /// Changes how later tokens attend and forgets the cache.
  void set_attention(AttentionMode mode);
  void reset();
  [[nodiscard]] SelectionStats selection_stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dsa
