// What a model writes for its own training: so far conversations, in which a made-up user asks and it
// answers.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "chat/chat_prompt.h"
#include "engine/model_engine.h"
#include "text/passages.h"

namespace dsa {

/// One thread at a time; `cancel` may be set from anywhere.
class Rollout {
 public:
  /// Loads the model, which attends densely, for conversations of at least `tokens` tokens.  Throws Error,
  /// also if its chat format is not known; `chat_format`: one by name in its place, "": its own.
  Rollout(const std::filesystem::path& model, std::int64_t tokens, int threads,
          const std::string& chat_format);

  /// After every turn: tokens of the conversation so far.
  using VisitProgress = std::function<void(std::int64_t tokens)>;

  /// Conversation `number`: a function of passages, seed and number, whatever the threads.  It ends with a
  /// question, because its last tokens have no room for an answer.  nullopt: cancelled.  Throws Error if the
  /// model gives no text or a NaN.
  std::optional<std::vector<ChatMessage>> conversation(const Passages& passages, std::uint64_t seed,
                                                       std::int64_t number, const VisitProgress& progress,
                                                       const std::atomic<bool>& cancel);

 private:
  Rollout(const std::filesystem::path& model, const LoadOptions& load, const std::string& chat_format);
  Rollout(OpenedModel opened, const LoadOptions& load, const std::string& chat_format);
  [[nodiscard]] std::int64_t tokens_of(std::span<const ChatMessage> messages) const;
  /// Empty: cancelled.
  std::string answer(std::span<const ChatMessage> messages, const CounterRng& seeds,
                     const std::atomic<bool>& cancel);

  Tokenizer tokenizer_;
  ChatPrompt prompt_;
  LoadedModel model_;
  std::int64_t tokens_;
  ModelEngine engine_;
};

}  // namespace dsa
