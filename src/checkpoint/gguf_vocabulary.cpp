#include "checkpoint/gguf_vocabulary.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/log.h"

namespace dsa {
namespace {

using TokenType = GgufVocabulary::TokenType;

void check_length(const GgufFile& file, std::string_view key, std::size_t length, std::size_t tokens) {
  if (length != tokens)
    fail("{}: {} has {} elements, but there are {} tokens", file.who(), key, length, tokens);
}

std::vector<TokenType> read_types(const GgufFile& file, std::size_t tokens) {
  constexpr std::string_view kKey = "tokenizer.ggml.token_type";
  std::vector<TokenType> types;
  if (!file.has(kKey)) return types;
  const auto numbers = file.get_i32s(kKey);
  check_length(file, kKey, numbers.size(), tokens);
  types.reserve(tokens);
  for (const auto number : numbers) {
    if (number < 0 || number > static_cast<std::int32_t>(TokenType::byte))
      fail("{}: {} of token {} is {}, expected 0 to 6", file.who(), kKey, types.size(), number);
    types.push_back(static_cast<TokenType>(number));
  }
  return types;
}

std::optional<std::int32_t> read_id(const GgufFile& file, std::string_view key, std::size_t tokens) {
  const auto id = file.find_u32(key);
  if (!id) return std::nullopt;
  if (*id >= tokens) {
    warn("{}: {} {} is not used: there are {} tokens, numbered from 0", file.who(), key, *id, tokens);
    return std::nullopt;
  }
  return static_cast<std::int32_t>(*id);
}

}  // namespace

std::optional<GgufVocabulary> read_gguf_vocabulary(const GgufFile& file) {
  if (!file.has("tokenizer.ggml.tokens")) return std::nullopt;
  GgufVocabulary out;
  out.tokens = file.get_strings("tokenizer.ggml.tokens");
  const std::size_t tokens = out.tokens.size();
  if (tokens == 0) fail("{}: tokenizer.ggml.tokens is empty", file.who());
  out.model = file.get_string("tokenizer.ggml.model");
  out.pre = file.find_string("tokenizer.ggml.pre").value_or("");
  out.types = read_types(file, tokens);
  if (file.has("tokenizer.ggml.scores")) {
    out.scores = file.get_f32s("tokenizer.ggml.scores");
    check_length(file, "tokenizer.ggml.scores", out.scores.size(), tokens);
  }
  if (file.has("tokenizer.ggml.merges")) out.merges = file.get_strings("tokenizer.ggml.merges");
  out.bos = read_id(file, "tokenizer.ggml.bos_token_id", tokens);
  out.eos = read_id(file, "tokenizer.ggml.eos_token_id", tokens);
  out.eot = read_id(file, "tokenizer.ggml.eot_token_id", tokens);
  out.eom = read_id(file, "tokenizer.ggml.eom_token_id", tokens);
  out.unknown = read_id(file, "tokenizer.ggml.unknown_token_id", tokens);
  out.add_bos = file.find_bool("tokenizer.ggml.add_bos_token");
  out.chat_template = file.find_string("tokenizer.chat_template").value_or("");
  return out;
}

std::vector<std::int32_t> end_of_generation_ids(const GgufVocabulary& vocabulary) {
  static constexpr std::array<std::string_view, 5> kEnds{"<|im_end|>", "<|eot_id|>", "<|eom_id|>",
                                                         "<|endoftext|>", "<|end_of_text|>"};
  std::vector<std::int32_t> ids;
  const auto add = [&](std::optional<std::int32_t> id) {
    if (id && std::ranges::find(ids, *id) == ids.end()) ids.push_back(*id);
  };
  for (const auto& id : {vocabulary.eos, vocabulary.eot, vocabulary.eom}) add(id);
  for (std::size_t i = 0; i < vocabulary.types.size(); ++i)
    if (vocabulary.types[i] == TokenType::control && std::ranges::count(kEnds, vocabulary.tokens[i]) != 0 &&
        ids.size() < kEnds.size() + 3)  // a file may repeat a token's text
      add(static_cast<std::int32_t>(i));
  return ids;
}

}  // namespace dsa
