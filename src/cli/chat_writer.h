// Conversations that a model writes for its own training: a made-up user asks, the model answers.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "chat/chat_prompt.h"
#include "engine/session.h"
#include "text/passages.h"

namespace dsa::cli {

/// One thread at a time; `cancel` may be set from anywhere.
class ChatWriter {
 public:
  /// Loads the model, which attends densely, for conversations of at least `tokens` tokens.  Throws Error,
  /// also if its chat format is not known; `chat_format`: one by name in its place, "": its own.
  ChatWriter(const std::filesystem::path& model, std::int64_t tokens, int threads,
             const std::string& chat_format);

  /// After every turn: tokens of the conversation so far.
  using VisitProgress = std::function<void(std::int64_t tokens)>;

  /// Conversation `number`: a function of passages, seed and number, whatever the threads.  It ends with a
  /// question, because its last tokens have no room for an answer.  nullopt: cancelled.  Throws Error if the
  /// model gives no text or a NaN.
  std::optional<std::vector<ChatMessage>> write(const Passages& passages, std::uint64_t seed,
                                                std::int64_t number, const VisitProgress& progress,
                                                const std::atomic<bool>& cancel);

 private:
  ChatWriter(const std::filesystem::path& model, const LoadOptions& load, const std::string& chat_format);
  ChatWriter(OpenedModel opened, const LoadOptions& load, const std::string& chat_format);
  [[nodiscard]] std::int64_t tokens_of(std::span<const ChatMessage> messages) const;
  /// Empty: cancelled.
  std::string answer(std::span<const ChatMessage> messages, const CounterRng& seeds,
                     const std::atomic<bool>& cancel);

  Tokenizer tokenizer_;
  ChatPrompt prompt_;
  LoadedModel model_;
  Session session_;
  std::int64_t tokens_;
};

}  // namespace dsa::cli
