// A model that is served without any weights: a tokenizer of bytes, ChatML, and an engine that plays a
// script.
#pragma once

#include "server/models.h"
#include "testing/chat_tokenizer.h"
#include "testing/script_engine.h"

namespace dsa::test {

inline constexpr const char* kChatmlTemplate =
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

inline Tokenizer served_tokenizer() {
  TokenizerSpec spec = chat_tokenizer_spec();
  spec.chat_template = kChatmlTemplate;
  return Tokenizer(std::move(spec));
}

/// With an indexer that selects 64 tokens, as far as requests can tell.
struct ScriptedModel {
  explicit ScriptedModel(Script script = {}, PromptSettings settings = {})
      : tokenizer(served_tokenizer()),
        prompt(Architecture::llama, tokenizer, {}, settings),
        engine(std::move(script), tokenizer),
        served{.id = "script",
               .engine = engine,
               .tokenizer = tokenizer,
               .prompt = prompt,
               .context = script.context,
               .vocab_size = tokenizer.vocab_size(),
               .topk = 64,
               .indexer = "scripted",
               .kernels = "none",
               .created = 1'700'000'000} {}

  Tokenizer tokenizer;
  ChatPrompt prompt;
  ScriptEngine engine;
  server::ServedModel served;
};

}  // namespace dsa::test
