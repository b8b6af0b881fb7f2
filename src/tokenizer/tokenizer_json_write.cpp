#include "tokenizer/tokenizer_json_write.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace dsa {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& value) { return json_text(value, 2) + "\n"; }

Json added_tokens(const TokenizerSpec& spec) {
  std::vector<AddedToken> tokens = spec.added;
  std::ranges::sort(tokens, {}, &AddedToken::id);
  Json out = Json::array();
  for (const AddedToken& token : tokens)
    out.push_back({{"id", token.id},
                   {"content", token.text},
                   {"single_word", token.single_word},
                   {"lstrip", token.lstrip},
                   {"rstrip", token.rstrip},
                   {"normalized", token.normalized},
                   {"special", token.special}});
  return out;
}

Json byte_level(bool use_regex) {
  return {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

// As published files spell it: GPT-2's own split is part of ByteLevel.
Json pre_tokenizer(const PreTokenizerRule& rule) {
  Json steps = Json::array();
  bool gpt2_last = false;
  for (const std::string_view name : rule.splits) {
    gpt2_last = name == "gpt2";
    if (gpt2_last) continue;
    if (name == "digit")
      steps.push_back({{"type", "Digits"}, {"individual_digits", true}});
    else
      steps.push_back({{"type", "Split"},
                       {"pattern", {{"Regex", find_split(name)->file}}},
                       {"behavior", "Isolated"},
                       {"invert", false}});
  }
  if (steps.empty()) return byte_level(gpt2_last);
  steps.push_back(byte_level(gpt2_last));
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

// nullptr if it is no added token: both files can only name those.
const std::string* text_of(const TokenizerSpec& spec, std::int32_t id) {
  const auto found = std::ranges::find(spec.added, id, &AddedToken::id);
  return found == spec.added.end() ? nullptr : &found->text;
}

Json post_processor(const TokenizerSpec& spec) {
  if (spec.prefix.empty()) return byte_level(true);
  Json single = Json::array(), special = Json::object();
  for (const std::int32_t id : spec.prefix) {
    const std::string* added = text_of(spec, id);
    if (added == nullptr)
      fail("{}: a prompt begins with token {}, which is no control token: no tokenizer.json can say so",
           spec.who, id);
    const std::string& text = *added;
    single.push_back({{"SpecialToken", {{"id", text}, {"type_id", 0}}}});
    special[text] = {{"id", text}, {"ids", {id}}, {"tokens", {text}}};
  }
  Json pair = single;
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  for (const char* name : {"A", "B"}) pair.push_back({{"Sequence", {{"id", name}, {"type_id", 0}}}});
  return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", special}};
}

Json model(const TokenizerSpec& spec) {
  Json vocab = Json::object(), merges = Json::array();
  std::vector<const std::string*> by_id(spec.tokens.size());
  for (std::size_t id = 0; id < by_id.size(); ++id) by_id[id] = &spec.tokens[id];
  // `tokenizers` numbers an added token anew unless the vocabulary holds it too.
  for (const AddedToken& token : spec.added) {
    const auto id = static_cast<std::size_t>(token.id);
    if (id >= by_id.size()) by_id.resize(id + 1, nullptr);
    by_id[id] = &token.text;
  }
  for (std::size_t id = 0; id < by_id.size(); ++id)
    // emplace_back: an ordered object would look through all of them for every one.
    if (by_id[id] != nullptr && !by_id[id]->empty())
      vocab.get_ref<Json::object_t&>().emplace_back(*by_id[id], id);
  for (const auto& merge : spec.merges) merges.push_back(merge.left + " " + merge.right);
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", spec.unknown ? Json(*spec.unknown) : Json()},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", spec.ignore_merges},
          {"vocab", vocab},
          {"merges", merges}};
}

}  // namespace

std::string tokenizer_json(const TokenizerSpec& spec) {
  DSA_CHECK(spec.pre != nullptr);
  return dump({{"version", "1.0"},
               {"truncation", nullptr},
               {"padding", nullptr},
               {"added_tokens", added_tokens(spec)},
               {"normalizer", spec.nfc ? Json{{"type", "NFC"}} : Json()},
               {"pre_tokenizer", pre_tokenizer(*spec.pre)},
               {"post_processor", post_processor(spec)},
               {"decoder", byte_level(true)},
               {"model", model(spec)}});
}

std::string tokenizer_config_json(const TokenizerSpec& spec, std::int64_t max_length) {
  Json out{{"tokenizer_class", "PreTrainedTokenizerFast"},
           {"model_max_length", max_length},
           {"clean_up_tokenization_spaces", false},
           {"add_bos_token", !spec.prefix.empty()}};
  const auto name = [&](const char* key, std::int32_t id) {
    if (const std::string* text = text_of(spec, id)) out[key] = *text;
  };
  if (spec.bos) name("bos_token", *spec.bos);
  if (!spec.eos.empty()) name("eos_token", spec.eos.front());
  if (spec.chat_template) out["chat_template"] = *spec.chat_template;
  return dump(out);
}

}  // namespace dsa
