// A model that is loaded here, in one of its modes.
#pragma once

#include <memory>
#include <string>

#include "chat/chat_prompt.h"
#include "compare/speaker.h"
#include "engine/model_engine.h"
#include "tokenizer/tokenizer.h"

namespace dsa::compare {

/// Loaded once for all modes that it is compared in.
class LocalModel {
 public:
  /// Throws Error, also if its chat format is not known.
  LocalModel(OpenedModel opened, const LoadOptions& options);

  [[nodiscard]] const LoadedModel& model() const { return model_; }

 private:
  friend class LocalSpeaker;
  Tokenizer tokenizer_;
  LoadedModel model_;
  ChatPrompt prompt_;
  ModelEngine engine_;
};

class LocalSpeaker final : public Speaker {
 public:
  /// `side`: pages of its prompts are found by itself alone, so that who is asked second is not the faster
  /// for it.  Without a price in `manner`: the announcement's, of dense or of sparse attention.  Throws Error
  /// if the model cannot be run so.
  LocalSpeaker(std::shared_ptr<LocalModel> model, const RunOptions& run, const Manner& manner,
               std::string side);

  std::optional<Said> say(std::span<const ChatMessage> messages, const std::atomic<bool>& cancel) override;
  [[nodiscard]] nlohmann::ordered_json identity() const override;

 private:
  std::shared_ptr<LocalModel> model_;
  RunOptions run_;
  Manner manner_;
  std::string side_;
};

}  // namespace dsa::compare
