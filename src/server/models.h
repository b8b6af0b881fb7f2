// The models that are served, and what /v1/models says of them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "chat/chat_prompt.h"
#include "engine/engine.h"
#include "server/http_message.h"
#include "server/kept_calls.h"

namespace dsa {
class GrammarCompiler;
}

namespace dsa::server {

/// Refers to what must outlive the server.  Immutable but for engine, kept calls and compiler, which are
/// thread-safe.
struct ServedModel {
  std::string id;
  Engine& engine;
  const Tokenizer& tokenizer;
  const ChatPrompt& prompt;
  std::int64_t context = 0;     // tokens that a prompt and its answer can have
  std::int64_t vocab_size = 0;  // logits of a row
  std::int64_t topk = 0;        // most tokens that a selection has; 0: no indexer
  std::string indexer = {};     // what selects: "the model's own", a folder's name; "": nothing
  std::string kernels = {};     // family that runs: "avx512_bf16"
  std::int64_t created = 0;     // seconds since 1970
  RunOptions run = {};          // of a request that says nothing else
  std::shared_ptr<KeptCalls> kept_calls = std::make_shared<KeptCalls>();
  GrammarCompiler* grammars = nullptr;  // null: answers are held to no structure
};

/// What is known of a model that need not be in memory.
struct ModelCard {
  std::string id;
  std::int64_t context = 0;  // as ServedModel has them
  std::int64_t topk = 0;
  std::string indexer = {};
  std::string kernels = {};
  std::int64_t created = 0;
};
ModelCard card_of(const ServedModel& model);

/// Which is the one of that id; the first for "".  Throws ApiError 404.
std::size_t find_model(std::span<const ModelCard> cards, std::string_view id);

HttpAnswer list_models(std::span<const ModelCard> cards);
HttpAnswer describe_model(const ModelCard& card);

}  // namespace dsa::server
