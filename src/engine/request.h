// What an engine is asked, and what it answers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/timings.h"
#include "model/batch.h"
#include "sampling/log_probs.h"
#include "sampling/sampling_params.h"

namespace dsa {

class Grammar;

enum class FinishReason : std::uint8_t { stop, length, repetition, cancelled, failed };
std::string_view name(FinishReason reason);  // "stop", "length", "repetition", "cancelled", "error"

/// Reasoning that is ended when it has taken long enough: the model then finds `end` written.
struct ThinkingBudget {
  std::int64_t tokens = 0;        // of reasoning, at most; -1: as many as it likes
  std::vector<std::int32_t> end;  // what ends it ("</think>"); not empty
};

struct Request {
  std::vector<std::int32_t> prompt;  // not empty
  SamplingParams sampling = {};
  std::int32_t choices = 1;                    // answers; the i-th draws with the request's seed + i
  std::int64_t max_tokens = -1;                // of each answer; -1: until the context is full
  std::int64_t min_tokens = 0;                 // before that, no stop token and no stop string ends it
  std::vector<std::int32_t> stop_tokens = {};  // end an answer; not part of the text
  std::vector<std::string> stop_strings = {};  // likewise, also across token borders
  bool show_special = false;                   // special tokens become part of the text
  bool stop_repetition = false;                // end an answer that goes round in circles
  /// Each token comes with its log-probability and those of so many best ones.
  std::optional<std::int32_t> log_probs = std::nullopt;
  bool prompt_log_probs = false;  // and the prompt's tokens too: nothing of it comes from a cache
  std::optional<ThinkingBudget> thinking = std::nullopt;  // the prompt has begun the reasoning
  /// What answers are held to, from their first token on or, with `thinking`, from the first behind the
  /// reasoning.  Log-probabilities are still those of the model's own distribution.
  std::shared_ptr<const Grammar> grammar = nullptr;
  RunOptions run = {};
  std::int64_t traced_tokens = 0;  // of each answer: of so many it is told what was selected for them
  std::int32_t priority = 0;       // higher goes first
  std::string tenant = {};         // cached pages are found by requests of the same tenant alone
};

/// So much of the prompt is read: `done` of `total` tokens that are to be computed.
struct Reading {
  std::int64_t done = 0;
  std::int64_t total = 0;
  std::int64_t cached = 0;  // tokens of the prompt that need not be
};
/// Of one token of the prompt, from the second on, in order; each choice is told all of them.
struct PromptToken {
  std::int32_t id = 0;
  LogProbs log_probs = {};
};
struct LayerSelection {
  std::int64_t layer = 0;
  std::vector<std::int32_t> positions = {};  // of the sequence, ascending
};
/// What the next token is chosen by: of the positions that it could see, those that each layer selected.
/// Layers that are not there attended to all of them, or to what the layer before them had selected if they
/// select nothing themselves.
struct Selected {
  std::int64_t visible = 0;
  std::vector<LayerSelection> layers = {};
};
struct NewToken {
  std::int32_t id = 0;
  std::string text = {};  // complete UTF-8 that this token made sure of; often ""
  std::optional<LogProbs> log_probs = {};
  bool stops = false;  // a stop token: not part of the answer
};
struct Finished {
  FinishReason reason = FinishReason::stop;
  std::string text = {};                        // what had been held back
  std::string error = {};                       // reason == failed: one line that says why
  std::optional<std::string> stop_string = {};  // that ended it
  Timings timings = {};
  AttentionCounters attention = {};
};

struct Event {
  std::int32_t choice = 0;
  std::variant<Reading, PromptToken, Selected, NewToken, Finished> what;
};

/// Takes a request's events in order, `Finished` once a choice and last.  Called from the engine's thread: it
/// must be quick and not throw.
using EventSink = std::function<void(Event&&)>;

}  // namespace dsa
