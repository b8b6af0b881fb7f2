// What a model reads: messages in its chat format, or plain text behind the tokenizer's own prefix; and which
// tokens end its answer.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat_format.h"
#include "checkpoint/open_model.h"

namespace dsa {

/// What to do with a model whose files name no chat format.
enum class WithoutFormat : std::uint8_t { complete, refuse };

struct PromptSettings {
  bool raw = false;       // no chat format, whatever the model has
  std::string name = {};  // of a format, in place of the one that the model's files say
  WithoutFormat without = WithoutFormat::refuse;
  std::int64_t context = 0;  // tokens a prompt can have: far more bytes are refused uncut; 0: no limit
};

/// Immutable: any number of threads may share one.  The tokenizer must live as long.
class ChatPrompt {
 public:
  /// Throws Error if the model's chat format is not known, or if its vocabulary lacks what ends an answer.
  ChatPrompt(const ModelFiles& files, const Tokenizer& tokenizer, const PromptSettings& settings);
  /// `eos_ids`: what config.json adds to the tokens that end an answer.
  ChatPrompt(Architecture architecture, const Tokenizer& tokenizer, std::span<const std::int32_t> eos_ids,
             const PromptSettings& settings);

  /// None: everything is plain text.
  [[nodiscard]] const std::optional<ChatFormat>& format() const { return format_; }

  /// Ids of the conversation.  Control tokens of the format are control tokens; what a message spells stays
  /// text, unless `typed` says otherwise.  The date counts for formats that ask for today's.  Without a
  /// format: the last message's text alone.  Throws Error as ChatFormat::render() does, and for a text that
  /// the context cannot hold whatever it is cut into.
  [[nodiscard]] std::vector<std::int32_t> encode(std::span<const ChatMessage> messages,
                                                 const ChatOptions& options = {},
                                                 SpecialTokens typed = SpecialTokens::as_text) const;
  /// Ids of plain text, behind what the tokenizer begins a prompt with.
  [[nodiscard]] std::vector<std::int32_t> encode_text(std::string_view text,
                                                      SpecialTokens typed = SpecialTokens::as_text) const;

  /// True if the answer to `asked` begins inside of its reasoning.
  [[nodiscard]] bool begins_in_reasoning(std::span<const ChatMessage> asked,
                                         const ChatOptions& options) const;

  /// Tokens that end an answer: the format's, the tokenizer's and config.json's, each once.
  [[nodiscard]] const std::vector<std::int32_t>& stop_ids() const { return stop_ids_; }

  /// The answer to `asked` as a message for the next turn: reasoning apart from content.
  [[nodiscard]] ChatMessage as_message(const std::string& answer, std::span<const ChatMessage> asked,
                                       const ChatOptions& options) const;

 private:
  void check_size(std::size_t bytes) const;
  [[nodiscard]] std::vector<Segment> render(std::span<const ChatMessage> messages, ChatOptions options) const;

  const Tokenizer& tokenizer_;
  std::optional<ChatFormat> format_;
  std::vector<std::int32_t> stop_ids_;
  std::int64_t context_;
};

}  // namespace dsa
