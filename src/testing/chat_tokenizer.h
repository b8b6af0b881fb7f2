// A tokenizer small enough to say its ids by heart: 256 bytes, two line breaks as one token, ChatML's marks.
#pragma once

#include <string>

#include "tokenizer/byte_alphabet.h"
#include "tokenizer/tokenizer_spec.h"

namespace dsa::test {

inline constexpr std::int32_t kNewlines = 256, kImStart = 257, kImEnd = 258, kEndOfText = 259;

// Below U+0800: at most two bytes of UTF-8.
inline std::string alphabet_text(int byte) {
  const char32_t c = alphabet_of_byte(static_cast<unsigned char>(byte));
  if (c < 0x80) return {static_cast<char>(c)};
  return {static_cast<char>(0xC0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3F))};
}

inline TokenizerSpec chat_tokenizer_spec() {
  TokenizerSpec spec;
  spec.who = "test";
  for (int byte = 0; byte < 256; ++byte) spec.tokens.push_back(alphabet_text(byte));
  const std::string newline = alphabet_text('\n');
  spec.tokens.push_back(newline + newline);
  spec.merges.push_back({newline, newline});
  for (const char* text : {"<|im_start|>", "<|im_end|>", "<|endoftext|>"})
    spec.added.push_back({.id = static_cast<std::int32_t>(spec.tokens.size() + spec.added.size()),
                          .text = text,
                          .special = true});
  for (const PreTokenizerRule& rule : pre_tokenizer_rules())
    if (rule.name == "gpt2") spec.pre = &rule;
  spec.eos = {kImEnd};
  return spec;
}

}  // namespace dsa::test
