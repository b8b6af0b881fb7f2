// A model behind a URL that speaks OpenAI's API.
#pragma once

#include <string>

#include "compare/http_client.h"
#include "compare/speaker.h"

namespace dsa::compare {

class HttpSpeaker final : public Speaker {
 public:
  /// `where`: "URL" or "URL#MODEL"; without a model the server's only one, which is asked for here.  The path
  /// is the URL's, or /v1 if it has none.  `key`: "" if none is wanted.  Throws Error.
  HttpSpeaker(std::string_view where, std::string key, const Manner& manner, const std::atomic<bool>& cancel);

  std::optional<Said> say(std::span<const ChatMessage> messages, const std::atomic<bool>& cancel) override;
  [[nodiscard]] nlohmann::ordered_json identity() const override;

 private:
  [[nodiscard]] std::string only_model(const std::atomic<bool>& cancel) const;
  [[nodiscard]] HttpAsk ask_for(std::string path) const;

  Url url_;
  std::string model_;
  std::string key_;
  Manner manner_;
};

}  // namespace dsa::compare
