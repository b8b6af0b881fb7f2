// One answer on its way.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/answer_grammar.h"
#include "engine/answer_text.h"
#include "engine/drafter.h"
#include "engine/paged_cache.h"
#include "engine/repetition.h"
#include "engine/request.h"
#include "sampling/sampler.h"

namespace dsa {

using EngineTime = std::chrono::steady_clock::time_point;
inline double ms_between(EngineTime from, EngineTime to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

/// A request that was found fit to run, and who waits for it.
struct Submission {
  Request request;
  EventSink sink;
  std::shared_ptr<std::atomic<bool>> cancelled;
  EngineTime submitted;
  std::shared_ptr<GrammarTime> grammar_time = std::make_shared<GrammarTime>();
};

/// What was asked and written so far, and how the next token is chosen: a function of the request, the
/// choice's number and the logits, whatever happened in between.  One thread at a time.
class Sequence {
 public:
  Sequence(std::int64_t id, std::shared_ptr<const Submission> asked, std::int32_t choice,
           const Tokenizer& tokenizer, std::int64_t vocabulary);

  [[nodiscard]] std::int64_t id() const { return id_; }
  [[nodiscard]] const Submission& asked() const { return *asked_; }
  [[nodiscard]] const Request& request() const { return asked_->request; }
  /// Prompt and answer.
  [[nodiscard]] std::span<const std::int32_t> tokens() const { return tokens_; }
  [[nodiscard]] std::int64_t size() const { return std::ssize(tokens_); }
  /// Tokens that are to be computed before the next one can be chosen: 1 or more.
  [[nodiscard]] std::int64_t pending() const { return size() - own.computed; }
  /// It has begun to answer, and the next pass computes its last token alone, or with guesses.
  [[nodiscard]] bool writing() const { return pending() == 1 && written() > 0; }
  /// Tokens that it may write yet, as the request says.
  [[nodiscard]] std::int64_t left() const;
  [[nodiscard]] std::span<const std::int32_t> answer() const {
    return std::span(tokens_).subspan(request().prompt.size());
  }
  [[nodiscard]] bool cancelled() const { return asked_->cancelled->load(std::memory_order_relaxed); }

  Footprint own;  // in the cache
  AttentionCounters attention;
  Drafter drafter;
  std::optional<std::int32_t> mtp_place;  // in the model's own layer for guesses

  /// Tells that it takes its place now.
  void start(EngineTime now);
  /// It made room for others: what it finds of its own later on is no gift.
  void put_away() { was_away_ = true; }
  /// Tells how far the prompt is read.
  void tell_reading();
  /// What is selected for its next token is to be told.
  [[nodiscard]] bool traced() const { return written() < request().traced_tokens; }
  void tell_selected(const Selected& selected) const { tell(selected); }
  /// Tells what the model thought of the prompt's tokens from position `first` on, by the logits of the
  /// positions before each.
  /// Each is told once, however often it is read.
  void tell_prompt(std::int64_t first, TensorView<const float, 2> logits);
  /// Chooses the next token from the logits, which are overwritten, adds it and tells it.  What ended the
  /// answer, if that did.  `context`: tokens that the cache holds.
  std::optional<FinishReason> advance(std::span<float> logits, SamplerScratch& scratch, std::int64_t context,
                                      EngineTime now);
  /// Tells that the answer is over; the last that is told.
  void finish(FinishReason reason, std::string error, EngineTime now);

 private:
  void tell(decltype(Event::what) what) const;
  std::optional<std::int32_t> choose(std::span<float> logits, SamplerScratch& scratch);
  /// Why no token could be chosen; the answer may be whole.
  FinishReason no_way_on();
  void watch_reasoning();
  [[nodiscard]] std::int64_t written() const { return size() - std::ssize(request().prompt); }

  std::int64_t id_;
  std::shared_ptr<const Submission> asked_;
  std::int32_t choice_;
  std::vector<std::int32_t> tokens_;
  Sampler sampler_;
  AnswerText text_;
  std::optional<AnswerGrammar> grammar_;
  RepetitionWatch repetition_;
  Timings timings_;
  EngineTime started_, first_token_;
  std::string error_;
  bool was_away_ = false;
  std::int64_t prompt_told_ = 0;  // tokens
  bool reasoning_ = false;        // a token of it comes next
  std::size_t end_written_ = 0;   // of the tokens that end the reasoning, being written for the model
};

}  // namespace dsa
