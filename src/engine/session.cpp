#include "engine/session.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
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

Session::Session(LoadedModel& model, const Tokenizer& tokenizer, const RunOptions& run)
    : model_(model), tokenizer_(tokenizer), pass_(model), run_(run) {
  model.transformer().check(run);
}

// The last token of the prompt is always computed, for its logits.
void Session::keep_common_prefix(std::span<const std::int32_t> prompt) {
  const auto common = std::ranges::mismatch(cached_, prompt).in1 - cached_.begin();
  cached_.resize(
      static_cast<std::size_t>(std::min<std::int64_t>(common, static_cast<std::int64_t>(prompt.size()) - 1)));
}

std::optional<FinishReason> Session::extend(std::span<const std::int32_t> tokens,
                                            const SequencePass::VisitProgress& progress,
                                            const std::atomic<bool>& cancel, std::string& error) {
  const auto first = static_cast<std::int64_t>(cached_.size());
  const std::int64_t end = first + static_cast<std::int64_t>(tokens.size());
  const auto note = [&](std::int64_t done) {
    const auto now = tokens.subspan(cached_.size() - static_cast<std::size_t>(first),
                                    static_cast<std::size_t>(done) - cached_.size());
    cached_.insert(cached_.end(), now.begin(), now.end());
    if (progress) progress(done);
  };
  try {
    if (pass_.extend({.tokens = tokens, .first = first, .logits_from = end - 1, .run = run_},
                     /*logits=*/{}, note, cancel))
      return std::nullopt;
    return FinishReason::cancelled;
  } catch (const Error& failure) {
    error = failure.what();
    return FinishReason::failed;
  }
}

GenerateResult Session::generate(const GenerateRequest& request, const GenerateCallbacks& callbacks,
                                 const std::atomic<bool>& cancel) {
  const auto prompt = request.prompt;
  pass_.check(prompt);
  const Sampler sampler(request.sampling, model_.config().vocab_size);
  SamplerScratch scratch(model_.config().vocab_size);
  GenerateResult result;
  AnswerText text(tokenizer_, request, callbacks, result.text);
  Timings& timings = result.timings;
  timings.load_ms = model_.load_time().count();
  timings.prompt_tokens = static_cast<std::int64_t>(prompt.size());

  const auto start = Clock::now();
  keep_common_prefix(prompt);
  const auto cached = static_cast<std::int64_t>(cached_.size());
  timings.cached_tokens = cached;
  const auto read = [&](std::int64_t done) {
    if (callbacks.on_prefill) callbacks.on_prefill(done - cached, timings.prompt_tokens - cached);
  };
  auto finished = extend(prompt.subspan(cached_.size()), read, cancel, result.error);
  timings.prefill_ms = ms_since(start);

  // One token: chosen, told, and run for the logits of the next.
  const auto step = [&]() -> std::optional<FinishReason> {
    if (request.max_tokens >= 0 && static_cast<std::int64_t>(result.tokens.size()) >= request.max_tokens)
      return FinishReason::length;
    const auto token = sampler.sample(scratch, pass_.last_logits(), prompt, result.tokens);
    if (!token) {
      result.error = "no token can be chosen: the logit bias bans every one of them";
      return FinishReason::failed;
    }
    if (timings.ttft_ms == 0) timings.ttft_ms = ms_since(start);
    if (std::ranges::find(request.stop_tokens, *token) != request.stop_tokens.end())
      return FinishReason::stop;
    result.tokens.push_back(*token);
    if (!text.push(*token)) return FinishReason::stop;
    if (static_cast<std::int64_t>(cached_.size()) >= model_.context()) return FinishReason::length;
    return extend({&*token, 1}, /*progress=*/{}, cancel, result.error);
  };
  if (!finished) {
    const auto prefill_end = Clock::now();
    while (!finished) finished = step();
    timings.decode_ms = ms_since(prefill_end);
  }
  result.finish_reason = *finished;
  text.finish();
  timings.completion_tokens = static_cast<std::int64_t>(result.tokens.size());
  timings.peak_rss_bytes = peak_rss_bytes();
  return result;
}

void Session::set_run(const RunOptions& run) {
  const Transformer& transformer = model_.transformer();
  transformer.check(run);
  const SelectionRule before = transformer.selection_rule(run_), after = transformer.selection_rule(run);
  // An entry holds what the layers below attended to at its position and at those before it.
  std::size_t same = 0;
  while (same < cached_.size() && alike(before, after, static_cast<std::int64_t>(same) + 1)) ++same;
  cached_.resize(same);
  run_ = run;
}

}  // namespace dsa
