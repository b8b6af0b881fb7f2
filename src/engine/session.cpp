#include "engine/session.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "engine/page_pool.h"
#include "model/attach_indexer.h"
#include "model/transformer.h"
#include "sampling/stop_matcher.h"
#include "tokenizer/stream_decoder.h"

namespace dsa {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::int64_t peak_rss_bytes() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

double per_second(std::int64_t count, double ms) {
  return ms > 0 ? static_cast<double>(count) * 1000.0 / ms : 0;
}

std::string failure_text(const SequenceStatus& status, std::int64_t layers) {
  const std::string where =
      status.bad_layer == layers ? "the logits" : fmt::format("the output of layer {}", status.bad_layer);
  return fmt::format(
      "{} held a NaN or an infinity at token {}: "
      "the weights are damaged, or their values overflow this arithmetic (try --compute f32)",
      where, status.bad_position);
}

// The text of an answer as it grows: ids to whole characters, stop strings taken out.
class AnswerText {
 public:
  AnswerText(const Tokenizer& tokenizer, const GenerateRequest& request, const GenerateCallbacks& callbacks,
             std::string& text)
      : decoder_(tokenizer, /*skip_special=*/!request.show_special),
        stops_(request.stop_strings),
        on_text_(callbacks.on_text),
        text_(text) {}

  /// False once a stop string is complete.
  bool push(std::int32_t token) {
    emit(stops_.push(decoder_.push(token)));
    return !stops_.matched();
  }
  void finish() {
    emit(stops_.push(decoder_.flush()));
    emit(stops_.finish());
  }

 private:
  void emit(std::string_view piece) {
    if (piece.empty()) return;
    text_ += piece;
    if (on_text_) on_text_(piece);
  }

  StreamDecoder decoder_;
  StopMatcher stops_;
  const std::function<void(std::string_view)>& on_text_;
  std::string& text_;
};

}  // namespace

double Timings::prefill_tok_s() const { return per_second(prompt_tokens - cached_tokens, prefill_ms); }
// The first token belongs to the prefill.
double Timings::decode_tok_s() const { return per_second(completion_tokens - 1, decode_ms); }
double Timings::tpot_ms() const {
  return completion_tokens > 1 ? decode_ms / static_cast<double>(completion_tokens - 1) : 0;
}

std::string_view name(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::cancelled:
      return "cancelled";
    case FinishReason::failed:
      return "error";
  }
  return "?";
}

struct Session::Impl {
  Impl(ModelFiles opened, const ModelOptions& options)
      : files(std::move(opened)),
        indexer(attach_indexer(files, options)),
        exec(options.threads > 0 ? options.threads : Exec::default_threads()),
        transformer(files, options, choose_kernels(), exec, indexer ? indexer->tensors.get() : nullptr),
        pool(transformer.cache().pages()),
        logits(static_cast<std::size_t>(kLogitsRows * files.config.vocab_size) * sizeof(float), "logits") {}

  static constexpr std::int64_t kLogitsRows = 64;

  // Opened when first asked for: logits of token ids need none.
  const Tokenizer& text() {
    if (tokenizer) return *tokenizer;
    tokenizer.emplace(open_tokenizer(files));
    if (tokenizer->vocab_size() > files.config.vocab_size)
      fail("{}: the tokenizer has {} tokens, the model's vocabulary {}: they do not belong together",
           printable(files.path.string()), tokenizer->vocab_size(), files.config.vocab_size);
    return *tokenizer;
  }

  [[nodiscard]] std::int64_t vocab() const { return files.config.vocab_size; }
  [[nodiscard]] TensorView<float, 2> logits_view(std::int64_t rows) const {
    return {logits.as<float>(), {rows, vocab()}};
  }

  void check_prompt(std::span<const std::int32_t> prompt) const {
    if (prompt.empty()) fail("the prompt is empty: give at least one token");
    for (const auto id : prompt)
      if (id < 0 || id >= vocab()) fail("token id {} is outside the vocabulary of {}", id, vocab());
    if (static_cast<std::int64_t>(prompt.size()) > transformer.max_context())
      fail("the prompt has {} tokens, the context holds {}: shorten it or raise --ctx", prompt.size(),
           transformer.max_context());
  }

  void grow_to(std::int64_t positions) {
    while (static_cast<std::int64_t>(pages.size()) * kPageTokens < positions) {
      const auto page = pool.allocate();
      DSA_CHECK(
          page.has_value());  // the pool is as large as the context, which the prompt was checked against
      pages.push_back(*page);
    }
  }

  void forget() {
    cached.clear();
    pool.release(pages);
    pages.clear();
  }

  // Runs `tokens` at the end of the cache.  False if cancelled; status says if it went well.
  bool run(std::span<const std::int32_t> tokens, std::span<const std::int32_t> wanted,
           const std::atomic<bool>& cancel) {
    const auto first = static_cast<std::int64_t>(cached.size());
    grow_to(first + static_cast<std::int64_t>(tokens.size()));
    const SequenceSlice slice{
        .tokens = tokens, .first_position = first, .page_table = pages, .logits_rows = wanted};
    if (!transformer.forward({.sequences = {&slice, 1}, .cancel = &cancel},
                             logits_view(std::max<std::int64_t>(1, static_cast<std::int64_t>(wanted.size()))),
                             {&status, 1}))
      return false;
    if (status.ok()) cached.insert(cached.end(), tokens.begin(), tokens.end());
    return true;
  }

  // The cache keeps the longest common prefix; the last token of the prompt is always
  // computed, for its logits.
  std::int64_t keep_common_prefix(std::span<const std::int32_t> prompt) {
    const auto common = std::ranges::mismatch(cached, prompt).in1 - cached.begin();
    cached.resize(static_cast<std::size_t>(
        std::min<std::int64_t>(common, static_cast<std::int64_t>(prompt.size()) - 1)));
    return static_cast<std::int64_t>(cached.size());
  }

  bool prefill(std::span<const std::int32_t> prompt, const GenerateCallbacks& callbacks,
               const std::atomic<bool>& cancel) {
    const std::size_t begin = cached.size();
    while (cached.size() < prompt.size()) {
      const auto chunk = prompt.subspan(
          cached.size(),
          std::min(prompt.size() - cached.size(), static_cast<std::size_t>(transformer.max_tokens())));
      const bool is_last = cached.size() + chunk.size() == prompt.size();
      const auto last_row = static_cast<std::int32_t>(chunk.size() - 1);
      if (!run(chunk, {&last_row, is_last ? 1U : 0U}, cancel)) return false;
      if (!status.ok()) return true;
      if (callbacks.on_prefill)
        callbacks.on_prefill(static_cast<std::int64_t>(cached.size() - begin),
                             static_cast<std::int64_t>(prompt.size() - begin));
    }
    return true;
  }

  FinishReason decode(const GenerateRequest& request, Sampler& sampler, AnswerText& text,
                      Clock::time_point start, const std::atomic<bool>& cancel, GenerateResult& result) {
    const auto first_token = [&] { return result.tokens.empty() && result.timings.ttft_ms == 0; };
    for (;;) {
      if (request.max_tokens >= 0 && static_cast<std::int64_t>(result.tokens.size()) >= request.max_tokens)
        return FinishReason::length;
      const auto token = sampler.sample({logits.as<float>(), static_cast<std::size_t>(vocab())},
                                        request.prompt, result.tokens);
      if (!token) {
        result.error = "no token can be chosen: the logit bias bans every one of them";
        return FinishReason::failed;
      }
      if (first_token()) result.timings.ttft_ms = ms_since(start);
      if (std::ranges::find(request.stop_tokens, *token) != request.stop_tokens.end())
        return FinishReason::stop;
      result.tokens.push_back(*token);
      if (!text.push(*token)) return FinishReason::stop;
      if (static_cast<std::int64_t>(cached.size()) >= transformer.max_context()) return FinishReason::length;
      constexpr std::int32_t kOnlyRow = 0;
      if (!run({&*token, 1}, {&kOnlyRow, 1}, cancel)) return FinishReason::cancelled;
      if (!status.ok()) {
        result.error = failure_text(status, files.config.num_hidden_layers);
        return FinishReason::failed;
      }
    }
  }

  ModelFiles files;
  std::optional<IndexerFolder> indexer;
  std::optional<Tokenizer> tokenizer;
  Exec exec;
  Transformer transformer;
  PagePool pool;
  Buffer logits;
  std::vector<std::int32_t> pages;
  std::vector<std::int32_t> cached;  // the tokens whose entries are in the cache
  SequenceStatus status;
  double load_ms = 0;
};

Session::Session(ModelFiles files, const ModelOptions& options) {
  const auto start = Clock::now();
  impl_ = std::make_unique<Impl>(std::move(files), options);
  impl_->load_ms = ms_since(start);
}
Session::~Session() = default;

const Tokenizer& Session::tokenizer() const { return impl_->text(); }
const ModelFiles& Session::files() const { return impl_->files; }
std::int64_t Session::context() const { return impl_->transformer.max_context(); }
bool Session::has_indexer() const { return topk() > 0; }
std::int64_t Session::topk() const {
  const auto& indexer = impl_->transformer.config().indexer;
  return indexer ? indexer->topk : 0;
}
std::string_view Session::kernels() const { return impl_->transformer.kernels().name; }

GenerateResult Session::generate(const GenerateRequest& request, const GenerateCallbacks& callbacks,
                                 const std::atomic<bool>& cancel) {
  Impl& s = *impl_;
  s.check_prompt(request.prompt);
  Sampler sampler(request.sampling, s.vocab());
  GenerateResult result;
  AnswerText text(s.text(), request, callbacks, result.text);
  Timings& timings = result.timings;
  timings.load_ms = s.load_ms;
  timings.prompt_tokens = static_cast<std::int64_t>(request.prompt.size());

  const auto start = Clock::now();
  timings.cached_tokens = s.keep_common_prefix(request.prompt);
  const bool completed = s.prefill(request.prompt, callbacks, cancel);
  timings.prefill_ms = ms_since(start);
  const auto prefill_end = Clock::now();
  if (!completed) {
    result.finish_reason = FinishReason::cancelled;
  } else if (!s.status.ok()) {
    result.finish_reason = FinishReason::failed;
    result.error = failure_text(s.status, s.files.config.num_hidden_layers);
  } else {
    result.finish_reason = s.decode(request, sampler, text, start, cancel, result);
    timings.decode_ms = ms_since(prefill_end);
  }
  text.finish();
  timings.completion_tokens = static_cast<std::int64_t>(result.tokens.size());
  timings.peak_rss_bytes = peak_rss_bytes();
  return result;
}

void Session::logits(std::span<const std::int32_t> tokens,
                     const std::function<void(std::int64_t, TensorView<const float, 2>)>& visit,
                     const std::atomic<bool>& cancel) {
  Impl& s = *impl_;
  s.check_prompt(tokens);
  s.forget();
  const auto rows = std::min<std::int64_t>(Impl::kLogitsRows, s.transformer.max_tokens());
  std::vector<std::int32_t> wanted;
  for (std::int32_t i = 0; i < rows; ++i) wanted.push_back(i);
  while (s.cached.size() < tokens.size()) {
    const auto first = s.cached.size();
    const auto chunk = tokens.subspan(first, std::min(tokens.size() - first, static_cast<std::size_t>(rows)));
    if (!s.run(chunk, std::span(wanted).first(chunk.size()), cancel)) fail("cancelled at token {}", first);
    if (!s.status.ok()) fail("{}", failure_text(s.status, s.files.config.num_hidden_layers));
    visit(static_cast<std::int64_t>(first), s.logits_view(static_cast<std::int64_t>(chunk.size())));
  }
}

void Session::set_attention(AttentionMode mode) {
  impl_->transformer.set_attention(mode);
  impl_->forget();
}

void Session::reset() { impl_->forget(); }

SelectionStats Session::selection_stats() const {
  const auto& counters = impl_->transformer.counters();
  return {.sparse_rows = counters.sparse_rows, .dense_rows = counters.dense_rows};
}

}  // namespace dsa
