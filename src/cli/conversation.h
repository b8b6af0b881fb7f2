// A loaded model and the way to talk to it: what `run` and `chat` share.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chat/chat_prompt.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "engine/ask.h"
#include "engine/model_engine.h"
#include "grammar/grammar.h"
#include "grammar/structure.h"

namespace dsa::cli {

/// Messages in, answers out; remembers nothing but the model's cache.  One thread at a time.
class Conversation {
 public:
  /// Loads the model.  Throws Error, also if its chat format is not known, unless options.raw.
  Conversation(const Options& options, WithoutFormat without);

  [[nodiscard]] const LoadedModel& model() const { return model_; }
  /// False: plain completion.
  [[nodiscard]] bool has_format() const { return prompt_.format().has_value(); }
  /// Tokens of a text as a plain prompt.  Throws Error if the context certainly cannot hold it.
  [[nodiscard]] std::int64_t tokens_of(std::string_view text) const;

  /// Prompt ids; without a chat format, of the last message's text alone.
  [[nodiscard]] std::vector<std::int32_t> encode(std::span<const ChatMessage> messages) const;

  /// How later answers attend.  Throws Error if the model cannot be run so.
  void set_run(const RunOptions& run);
  /// Over all answers.
  [[nodiscard]] const AttentionCounters& attention() const { return attention_; }

  /// Later answers to `messages` have that structure, behind the reasoning if they begin with one.  Throws
  /// Error.
  void hold_to(const Structure& structure, std::span<const ChatMessage> messages);

  /// Answers with a progress bar for a long prompt; `on_text` gets the text as it grows (may be empty).
  Answer answer(std::span<const std::int32_t> prompt, const std::atomic<bool>& cancel,
                const std::function<void(std::string_view)>& on_text);

  /// The answer as a message for the next turn: reasoning apart from content.
  [[nodiscard]] ChatMessage as_message(const std::string& answer, std::span<const ChatMessage> asked) const;

 private:
  Conversation(OpenedModel opened, const Options& options, WithoutFormat without);
  [[nodiscard]] ChatOptions chat_options() const;
  void warn_of_small_topk() const;
  void tell_dense_past(std::int64_t prompt);

  Options options_;
  SamplingParams sampling_;
  Tokenizer tokenizer_;
  LoadedModel model_;
  RunOptions run_;
  ChatPrompt prompt_;
  AttentionCounters attention_;
  bool told_dense_ = false;
  std::shared_ptr<const Grammar> grammar_;  // null: answers have any structure
  std::optional<ThinkingBudget> thinking_;
  ModelEngine engine_;
};

/// The system message, if one was given.
std::vector<ChatMessage> opening_messages(const Options& options);

/// The question of --prompt and --file: the text itself, or the question about the document.
std::string first_message(const Options& options);
/// `document` and then `question`, as one message.
std::string about_document(std::string_view document, std::string_view question);

/// docs/interfaces.md, "Timings".
nlohmann::ordered_json to_json(const Timings& timings);
/// "prompt 31 tokens, 250 tok/s; answer 42 tokens, 61.0 tok/s; first token after 130 ms"
std::string to_text(const Timings& timings);

}  // namespace dsa::cli
