#include "tokenizer/tokenizer_gguf.h"

#include <algorithm>

#include "base/checked.h"
#include "base/error.h"
#include "tokenizer/split_table.h"

namespace dsa {
namespace {

// llama.cpp's token types.
enum TokenType : std::int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

const PreTokenizerRule& pre_of(const GgufFile& file) {
  const std::string_view model = file.get_string("tokenizer.ggml.model");
  if (model != "gpt2")
    fail("{}: tokenizer.ggml.model is \"{}\", only \"gpt2\" (byte-level BPE) is supported", file.who(),
         printable(model));
  const std::string_view pre = file.get_string("tokenizer.ggml.pre");
  const PreTokenizerRule* rule = find_pre_tokenizer(pre);
  if (rule == nullptr) {
    std::string known;
    for (const PreTokenizerRule& r : pre_tokenizer_rules())
      known += fmt::format("{}{}", known.empty() ? "" : ", ", r.name);
    fail("{}: tokenizer.ggml.pre is \"{}\", expected one of: {}", file.who(), printable(pre), known);
  }
  return *rule;
}

void read_tokens(const GgufFile& file, TokenizerSpec& spec) {
  const auto tokens = file.get_strings("tokenizer.ggml.tokens");
  if (static_cast<std::int64_t>(tokens.size()) > kMaxTokens)
    fail("{}: {} tokens, expected at most {}", file.who(), tokens.size(), kMaxTokens);
  std::vector<std::int32_t> types(tokens.size(), kNormal);
  if (file.has("tokenizer.ggml.token_type")) types = file.get_i32s("tokenizer.ggml.token_type");
  if (types.size() != tokens.size())
    fail("{}: tokenizer.ggml.token_type has {} entries, expected {} as tokenizer.ggml.tokens", file.who(),
         types.size(), tokens.size());
  spec.tokens.resize(tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    switch (types[i]) {
      case kNormal:
        if (tokens[i].empty()) fail("{}: token {} is empty", file.who(), i);
        spec.tokens[i] = tokens[i];
        break;
      case kUnknown:
      case kControl:
      case kUserDefined:
        spec.added.push_back({.id = static_cast<std::int32_t>(i),
                              .text = std::string(tokens[i]),
                              .special = types[i] != kUserDefined});
        break;
      case kUnused:
        break;
      default:
        fail("{}: token {} has type {}, which byte-level BPE does not have", file.who(), i, types[i]);
    }
  }
}

void read_merges(const GgufFile& file, TokenizerSpec& spec) {
  const auto merges = file.get_strings("tokenizer.ggml.merges");
  if (merges.size() > kMaxMerges)
    fail("{}: {} merges, expected at most {}", file.who(), merges.size(), kMaxMerges);
  spec.merges.reserve(merges.size());
  for (const std::string_view merge : merges)
    spec.merges.push_back(split_merge(merge, spec.merges.size(), file.who()));
}

std::optional<std::int32_t> find_id(const GgufFile& file, std::string_view key) {
  const auto value = file.find_u32(key);
  if (!value) return std::nullopt;
  const auto id = checked_cast<std::int32_t>(*value);
  if (!id || *id >= kMaxTokens) fail("{}: {} is {}, expected the id of a token", file.who(), key, *value);
  return id;
}

}  // namespace

TokenizerSpec spec_from_gguf(const GgufFile& file) {
  TokenizerSpec spec;
  spec.who = file.who();
  spec.pre = &pre_of(file);
  spec.nfc = spec.pre->nfc;
  spec.ignore_merges = spec.pre->ignore_merges;
  read_tokens(file, spec);
  read_merges(file, spec);
  spec.bos = find_id(file, "tokenizer.ggml.bos_token_id");
  for (const std::string_view key :
       {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"})
    if (const auto id = find_id(file, key); id && std::ranges::find(spec.eos, *id) == spec.eos.end())
      spec.eos.push_back(*id);
  if (file.find_bool("tokenizer.ggml.add_bos_token").value_or(spec.pre->add_bos)) {
    if (!spec.bos) fail("{}: prompts begin with BOS, but tokenizer.ggml.bos_token_id is missing", file.who());
    spec.prefix = {*spec.bos};
  }
  if (const auto text = file.find_string("tokenizer.chat_template")) spec.chat_template = std::string(*text);
  return spec;
}

}  // namespace dsa
