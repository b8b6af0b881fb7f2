#include "tokenizer/tokenizer_gguf.h"

#include "base/error.h"
#include "tokenizer/split_table.h"

namespace dsa {
namespace {

using TokenType = GgufVocabulary::TokenType;

const PreTokenizerRule& pre_of(const GgufVocabulary& vocabulary, std::string_view who) {
  if (vocabulary.model != "gpt2")
    fail("{}: tokenizer.ggml.model is \"{}\", only \"gpt2\" (byte-level BPE) is supported", who,
         printable(vocabulary.model));
  const PreTokenizerRule* rule = find_pre_tokenizer(vocabulary.pre);
  if (rule != nullptr) return *rule;
  std::string known;
  for (const PreTokenizerRule& r : pre_tokenizer_rules())
    known += fmt::format("{}{}", known.empty() ? "" : ", ", r.name);
  const std::string got =
      vocabulary.pre.empty() ? "missing" : fmt::format("\"{}\"", printable(vocabulary.pre));
  fail("{}: tokenizer.ggml.pre is {}, expected one of: {}", who, got, known);
}

void add_token(std::size_t id, std::string_view text, TokenType type, TokenizerSpec& spec) {
  switch (type) {
    case TokenType::normal:
      if (text.empty()) fail("{}: token {} is empty", spec.who, id);
      spec.tokens[id] = text;
      break;
    case TokenType::unknown:
    case TokenType::control:
    case TokenType::user_defined:
      spec.added.push_back({.id = static_cast<std::int32_t>(id),
                            .text = std::string(text),
                            .special = type != TokenType::user_defined});
      break;
    case TokenType::unused:
      break;
    case TokenType::undefined:
    case TokenType::byte:
      fail("{}: token {} has type {}, which byte-level BPE does not have", spec.who, id,
           static_cast<std::int32_t>(type));
  }
}

void add_tokens(const GgufVocabulary& vocabulary, TokenizerSpec& spec) {
  const std::size_t count = vocabulary.tokens.size();
  if (static_cast<std::int64_t>(count) > kMaxTokens)
    fail("{}: {} tokens, expected at most {}", spec.who, count, kMaxTokens);
  spec.tokens.resize(count);
  for (std::size_t i = 0; i < count; ++i)
    add_token(i, vocabulary.tokens[i], vocabulary.types.empty() ? TokenType::normal : vocabulary.types[i],
              spec);
}

void add_merges(const GgufVocabulary& vocabulary, TokenizerSpec& spec) {
  const std::size_t count = vocabulary.merges.size();
  if (count == 0) fail("{}: tokenizer.ggml.merges is missing or empty", spec.who);
  if (count > kMaxMerges) fail("{}: {} merges, expected at most {}", spec.who, count, kMaxMerges);
  spec.merges.reserve(count);
  for (const std::string_view merge : vocabulary.merges)
    spec.merges.push_back(split_merge(merge, spec.merges.size(), spec.who));
}

}  // namespace

TokenizerSpec spec_from_gguf(const GgufVocabulary& vocabulary, std::string_view who) {
  TokenizerSpec spec;
  spec.who = who;
  spec.pre = &pre_of(vocabulary, who);
  spec.nfc = spec.pre->nfc;
  spec.ignore_merges = spec.pre->ignore_merges;
  add_tokens(vocabulary, spec);
  add_merges(vocabulary, spec);
  spec.bos = vocabulary.bos;
  spec.eos = end_of_generation_ids(vocabulary);
  if (vocabulary.add_bos.value_or(spec.pre->add_bos)) {
    if (!spec.bos) fail("{}: prompts begin with BOS, but tokenizer.ggml.bos_token_id is missing", who);
    spec.prefix = {*spec.bos};
  }
  if (!vocabulary.chat_template.empty()) set_chat_template(vocabulary.chat_template, who, spec);
  return spec;
}

}  // namespace dsa
