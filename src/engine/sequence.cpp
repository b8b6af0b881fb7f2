#include "engine/sequence.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/numeric.h"
#include "base/peak_memory.h"
#include "sampling/log_probs.h"

namespace dsa {
namespace {

SamplingParams of_choice(SamplingParams params, std::int32_t choice) {
  if (params.seed) *params.seed += static_cast<std::uint64_t>(choice);
  return params;
}

}  // namespace

Sequence::Sequence(std::int64_t id, std::shared_ptr<const Submission> asked, std::int32_t choice,
                   const Tokenizer& tokenizer, std::int64_t vocabulary)
    : id_(id),
      asked_(std::move(asked)),
      choice_(choice),
      tokens_(asked_->request.prompt),
      sampler_(of_choice(asked_->request.sampling, choice), vocabulary),
      text_(tokenizer, asked_->request.stop_strings, asked_->request.show_special),
      started_(asked_->submitted),
      first_token_(asked_->submitted),
      reasoning_(asked_->request.thinking.has_value()) {
  timings_.prompt_tokens = size();
  if (const auto& grammar = request().grammar)
    grammar_.emplace(*grammar, request().stop_tokens, vocabulary, asked_->grammar_time);
}

std::int64_t Sequence::left() const {
  const std::int64_t most = request().max_tokens;
  return most < 0 ? std::numeric_limits<std::int64_t>::max() : most - written();
}

void Sequence::tell(decltype(Event::what) what) const {
  asked_->sink({.choice = choice_, .what = std::move(what)});
}

void Sequence::start(EngineTime now) {
  started_ = now;
  timings_.queue_ms = ms_between(asked_->submitted, now);
}

void Sequence::tell_reading() {
  if (written() > 0) return;  // it was put away, and is read again
  if (!was_away_) {
    timings_.cached_tokens = own.ram_tokens + own.disk_tokens;
    timings_.disk_tokens = own.disk_tokens;
    timings_.first_difference = own.differs;
  }
  tell(Reading{.done = std::max<std::int64_t>(own.computed - timings_.cached_tokens, 0),
               .total = timings_.prompt_tokens - timings_.cached_tokens,
               .cached = timings_.cached_tokens});
}

void Sequence::tell_prompt(std::int64_t first, TensorView<const float, 2> logits) {
  for (std::int64_t row = 0; row < logits.rows() && first + row < timings_.prompt_tokens; ++row) {
    if (first + row < prompt_told_) continue;
    prompt_told_ = first + row + 1;
    const std::int32_t id = tokens_[usize(first + row)];
    tell(
        PromptToken{.id = id, .log_probs = log_probs(logits.span(row), id, request().log_probs.value_or(0))});
  }
}

std::optional<std::int32_t> Sequence::choose(std::span<float> logits, SamplerScratch& scratch) {
  const auto& thinking = request().thinking;
  if (end_written_ > 0 ||
      (reasoning_ && thinking->tokens >= 0 && timings_.reasoning_tokens >= thinking->tokens))
    return thinking->end[end_written_++];
  if (written() < request().min_tokens)
    for (const auto id : request().stop_tokens)
      if (std::in_range<std::size_t>(id) && usize(id) < logits.size())
        logits[usize(id)] = -std::numeric_limits<float>::infinity();
  if (grammar_ && !reasoning_) grammar_->restrict(logits);
  const auto prompt = std::span(tokens_).first(request().prompt.size());
  return sampler_.sample(scratch, logits, prompt, answer());
}

FinishReason Sequence::no_way_on() {
  if (!grammar_ || reasoning_) {
    error_ = "no token can be chosen: the logit bias bans every one of them";
    return FinishReason::failed;
  }
  if (grammar_->too_slow()) {
    error_ = fmt::format(
        "the answer's structure takes too long to follow, expected at most {} ms and {} ms a token: an "
        "ambiguous grammar does, write it so that a text can be read in one way only",
        GrammarTime::kMs, GrammarTime::kMsPerToken);
    return FinishReason::failed;
  }
  if (grammar_->complete()) return FinishReason::stop;
  error_ =
      "no token can be chosen: none goes on as the answer's structure asks, or the logit bias bans those";
  return FinishReason::failed;
}

// After a token was added.
void Sequence::watch_reasoning() {
  if (!reasoning_) return;
  ++timings_.reasoning_tokens;
  const auto& end = request().thinking->end;
  const auto so_far = answer();
  if (so_far.size() < end.size() || !std::ranges::equal(so_far.last(end.size()), end)) return;
  reasoning_ = false;
  end_written_ = 0;
}

std::optional<FinishReason> Sequence::advance(std::span<float> logits, SamplerScratch& scratch,
                                              std::int64_t context, EngineTime now) {
  const Request& asked = request();
  if (asked.max_tokens >= 0 && written() >= asked.max_tokens) return FinishReason::length;
  std::vector<float> own_logits;
  if (asked.log_probs) own_logits.assign(logits.begin(), logits.end());
  const auto token = choose(logits, scratch);
  if (!token) return no_way_on();
  if (written() == 0) {
    first_token_ = now;
    timings_.prefill_ms = ms_between(started_, now);
    timings_.ttft_ms = ms_between(asked_->submitted, now);
  }
  NewToken told{.id = *token};
  if (asked.log_probs) told.log_probs = log_probs(own_logits, *token, *asked.log_probs);
  const bool may_stop = written() >= asked.min_tokens;
  if (std::ranges::find(asked.stop_tokens, *token) != asked.stop_tokens.end()) {
    told.stops = true;
    tell(std::move(told));
    return FinishReason::stop;
  }
  tokens_.push_back(*token);
  if (grammar_ && !reasoning_) grammar_->accept(*token);
  timings_.completion_tokens = written();
  watch_reasoning();
  told.text = text_.push(*token, may_stop);
  tell(std::move(told));
  if (text_.stopped()) return FinishReason::stop;
  if (asked.stop_repetition && repetition_.push(answer())) return FinishReason::repetition;
  if (size() > context) return FinishReason::length;
  if (asked.max_tokens >= 0 && written() >= asked.max_tokens) return FinishReason::length;
  return std::nullopt;
}

void Sequence::finish(FinishReason reason, std::string error, EngineTime now) {
  Finished over{.reason = reason, .text = text_.finish(), .error = error.empty() ? error_ : std::move(error)};
  over.stop_string = text_.stopped();
  if (written() == 0 && timings_.ttft_ms == 0) timings_.prefill_ms = ms_between(started_, now);
  timings_.decode_ms = written() > 0 ? ms_between(first_token_, now) : 0;
  over.timings = timings_;
  over.timings.drafted_tokens = drafter.all().drafted;
  over.timings.accepted_tokens = drafter.all().accepted;
  over.timings.mtp_drafted_tokens = drafter.own().drafted;
  over.timings.mtp_accepted_tokens = drafter.own().accepted;
  over.timings.peak_rss_bytes = peak_rss_bytes();
  over.attention = attention;
  tell(std::move(over));
}

}  // namespace dsa
