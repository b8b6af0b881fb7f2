#include "tokenizer/tokenizer_json.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/checked.h"
#include "base/error.h"
#include "base/json.h"
#include "tokenizer/split_table.h"

namespace dsa {
namespace {

using nlohmann::json;

constexpr JsonLimits kLimits{.max_bytes = std::size_t{128} << 20, .max_depth = 32, .max_values = 6'000'000};

bool is_empty_string(const json& value) {
  return value.is_string() && value.get_ref<const std::string&>().empty();
}

// Reads one document; every method names the place in its error.
class Reader {
 public:
  Reader(const json& root, std::string_view who) : root_(root), who_(who) {}

  TokenizerSpec read() {
    if (!root_.is_object()) fail("{}: expected a JSON object", who_);
    spec_.who = who_;
    read_model(member(root_, "model", "the document"));
    read_added_tokens();
    read_normalizer(root_.value("normalizer", json()));
    read_pre_tokenizer(root_.value("pre_tokenizer", json()));
    read_decoder(root_.value("decoder", json()));
    read_post_processor(root_.value("post_processor", json()));
    return std::move(spec_);
  }

 private:
  const json& member(const json& object, const char* key, std::string_view where) const {
    if (!object.is_object()) fail("{}: {} should be an object", who_, where);
    const auto it = object.find(key);
    if (it == object.end()) fail("{}: {} has no \"{}\"", who_, where, key);
    return *it;
  }

  std::string text_of(const json& object, const char* key, std::string_view where) const {
    const json& value = member(object, key, where);
    if (!value.is_string()) fail("{}: \"{}\" of {} should be a string", who_, key, where);
    return value.get<std::string>();
  }

  // false where the key is missing or null.
  bool flag(const json& object, const char* key, std::string_view where) const {
    const auto it = object.find(key);
    if (it == object.end() || it->is_null()) return false;
    if (!it->is_boolean()) fail("{}: \"{}\" of {} should be true or false", who_, key, where);
    return it->get<bool>();
  }

  std::int32_t id_of(const json& value, std::string_view token) const {
    std::optional<std::int32_t> id;
    if (value.is_number_unsigned()) id = checked_cast<std::int32_t>(value.get<std::uint64_t>());
    if (!id || *id >= kMaxTokens)
      fail("{}: token \"{}\" has the id {}, expected a whole number from 0 to {}", who_, printable(token),
           printable(json_text(value), 40), kMaxTokens - 1);
    return *id;
  }

  [[noreturn]] void unsupported(std::string_view what, const std::string& type) const {
    fail(
        "{}: {} of type \"{}\" is not supported; "
        "only byte-level BPE as in GPT-2, Llama 3, Qwen, DeepSeek and GLM",
        who_, what, printable(type));
  }

  void read_model(const json& model) {
    // Old files name no type: a list of merges is BPE, as `tokenizers` reads it.
    const bool untyped = model.is_object() && !model.contains("type") && model.contains("merges");
    if (const std::string type = untyped ? "BPE" : text_of(model, "type", "model"); type != "BPE")
      unsupported("a model", type);
    for (const char* key : {"byte_fallback", "fuse_unk"})
      if (flag(model, key, "model")) fail("{}: \"{}\": true is not supported", who_, key);
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix", "dropout"}) {
      const auto it = model.find(key);
      const bool inert = it == model.end() || it->is_null() || is_empty_string(*it) || *it == 0.0;
      if (!inert) fail("{}: \"{}\" of model is not supported, expected null", who_, key);
    }
    const json unknown = model.value("unk_token", json());
    if (unknown.is_string() && !is_empty_string(unknown)) spec_.unknown = unknown.get<std::string>();
    if (!unknown.is_string() && !unknown.is_null())
      fail("{}: \"unk_token\" should be a string or null", who_);
    spec_.ignore_merges = flag(model, "ignore_merges", "model");
    read_vocab(member(model, "vocab", "model"));
    read_merges(member(model, "merges", "model"));
  }

  void read_vocab(const json& vocab) {
    if (!vocab.is_object()) fail("{}: \"vocab\" should be an object", who_);
    // Ids may leave gaps for added tokens, but the table they index must not outgrow the file by far.
    const std::int64_t limit = 2 * static_cast<std::int64_t>(vocab.size()) + 65536;
    for (const auto& [token, value] : vocab.items()) {
      const std::int32_t id = id_of(value, token);
      if (id >= limit)
        fail("{}: token \"{}\" has the id {} in a vocabulary of {}, expected less than {}", who_,
             printable(token), id, vocab.size(), limit);
      if (token.empty()) fail("{}: the vocabulary has an empty token (id {})", who_, id);
      const auto i = static_cast<std::size_t>(id);
      if (i >= spec_.tokens.size()) spec_.tokens.resize(i + 1);
      if (!spec_.tokens[i].empty())
        fail("{}: the tokens \"{}\" and \"{}\" have the same id {}", who_, printable(spec_.tokens[i]),
             printable(token), id);
      spec_.tokens[i] = token;
    }
  }

  void read_merges(const json& merges) {
    if (!merges.is_array()) fail("{}: \"merges\" should be a list", who_);
    spec_.merges.reserve(merges.size());
    for (const json& merge : merges) {
      const std::size_t rank = spec_.merges.size();
      if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
        spec_.merges.push_back({merge[0].get<std::string>(), merge[1].get<std::string>()});
      } else if (merge.is_string()) {
        spec_.merges.push_back(split_merge(merge.get_ref<const std::string&>(), rank, who_));
      } else {
        fail("{}: merge {} should be \"left right\" or a pair of strings", who_, rank);
      }
    }
  }

  void read_added_tokens() {
    const json list = root_.value("added_tokens", json::array());
    if (!list.is_array()) fail("{}: \"added_tokens\" should be a list", who_);
    const std::int64_t limit = 2 * static_cast<std::int64_t>(spec_.tokens.size() + list.size()) + 65536;
    for (const json& item : list) {
      constexpr std::string_view kWhere = "an added token";
      AddedToken token;
      token.text = text_of(item, "content", kWhere);
      token.id = id_of(member(item, "id", kWhere), token.text);
      if (token.id >= limit)
        fail("{}: added token \"{}\" has the id {}, expected less than {}", who_, printable(token.text),
             token.id, limit);
      token.special = flag(item, "special", kWhere);
      token.lstrip = flag(item, "lstrip", kWhere);
      token.rstrip = flag(item, "rstrip", kWhere);
      token.single_word = flag(item, "single_word", kWhere);
      token.normalized = flag(item, "normalized", kWhere);
      spec_.added.push_back(std::move(token));
    }
  }

  void read_normalizer(const json& node) {
    for (const json& step : flatten(node, "normalizers", "the normalizer")) {
      const std::string type = text_of(step, "type", "the normalizer");
      if (type != "NFC") unsupported("a normalizer", type);
      spec_.nfc = true;
    }
  }

  void read_pre_tokenizer(const json& node) {
    std::vector<std::string_view> splits;
    bool byte_level = false;
    for (const json& step : flatten(node, "pretokenizers", "the pre_tokenizer")) {
      const std::string type = text_of(step, "type", "the pre_tokenizer");
      if (byte_level)
        fail("{}: the pre_tokenizer has \"{}\" after ByteLevel, expected ByteLevel last", who_, type);
      if (type == "Split") {
        splits.push_back(split_name(step));
      } else if (type == "Digits") {
        if (!flag(step, "individual_digits", "Digits"))
          fail("{}: Digits with individual_digits: false is not supported", who_);
        splits.push_back("digit");
      } else if (type == "ByteLevel") {
        if (flag(step, "add_prefix_space", "ByteLevel"))
          fail("{}: ByteLevel with add_prefix_space: true is not supported", who_);
        byte_level = true;
        // A missing key means true here, as `tokenizers` reads it.
        if (!step.contains("use_regex") || flag(step, "use_regex", "ByteLevel")) splits.push_back("gpt2");
      } else {
        unsupported("a pre_tokenizer", type);
      }
    }
    if (!byte_level) fail("{}: the pre_tokenizer has no ByteLevel; only byte-level BPE is supported", who_);
    spec_.pre = find_pre_tokenizer(std::span<const std::string_view>(splits));
    if (spec_.pre == nullptr)
      fail(
          "{}: the pre_tokenizer's splits are each known but not in this order; "
          "known: those of GPT-2, SmolLM, Llama 3, Qwen2, DeepSeek-LLM, DeepSeek-V3 and GLM-4",
          who_);
  }

  std::string_view split_name(const json& step) const {
    const json& pattern = member(step, "pattern", "Split");
    const std::string regex = text_of(pattern, "Regex", "the pattern of Split");
    const SplitRule* rule = find_split_by_file_pattern(regex);
    if (rule == nullptr)
      fail(
          "{}: the pre_tokenizer splits by a pattern dsa does not know: {} (known: those of GPT-2, "
          "SmolLM, Llama 3, Qwen2, DeepSeek-LLM, DeepSeek-V3 and GLM-4; patterns from files are never run)",
          who_, printable(regex));
    const std::string behavior = text_of(step, "behavior", "Split");
    const bool invert = flag(step, "invert", "Split");
    // "Removed" with invert keeps just the matches, which is all there
    // is where the pattern covers everything.
    const bool same =
        (behavior == "Isolated" && !invert) || (behavior == "Removed" && invert && rule->covers);
    if (!same)
      fail("{}: Split with behavior \"{}\" and invert: {} is not supported, expected Isolated and false",
           who_, printable(behavior), invert);
    return rule->name;
  }

  void read_decoder(const json& node) const {
    for (const json& step : flatten(node, "decoders", "the decoder"))
      if (const std::string type = text_of(step, "type", "the decoder"); type != "ByteLevel")
        unsupported("a decoder", type);
  }

  void read_post_processor(const json& node) {
    for (const json& step : flatten(node, "processors", "the post_processor")) {
      const std::string type = text_of(step, "type", "the post_processor");
      if (type == "ByteLevel") continue;  // moves offsets only
      if (type != "TemplateProcessing") unsupported("a post_processor", type);
      read_template(member(step, "single", "TemplateProcessing"));
    }
  }

  // [special tokens..., the text]
  void read_template(const json& single) {
    if (!single.is_array()) fail("{}: \"single\" of TemplateProcessing should be a list", who_);
    bool text_seen = false;
    for (const json& item : single) {
      if (item.is_object() && item.contains("Sequence") && !text_seen) {
        text_seen = true;
        continue;
      }
      const std::string name =
          text_of(member(item, "SpecialToken", "TemplateProcessing"), "id", "TemplateProcessing");
      if (text_seen)
        fail("{}: TemplateProcessing adds \"{}\" after the text, which is not supported", who_,
             printable(name));
      const auto it = std::ranges::find(spec_.added, name, &AddedToken::text);
      if (it == spec_.added.end())
        fail("{}: TemplateProcessing adds \"{}\", which is not an added token", who_, printable(name));
      spec_.prefix.push_back(it->id);
    }
    if (spec_.prefix.size() > 16) fail("{}: TemplateProcessing adds {} tokens", who_, spec_.prefix.size());
    if (spec_.prefix.size() == 1) spec_.bos = spec_.prefix.front();
  }

  // The steps of a component that may be null, one step or a Sequence;
  // the JSON's own depth limit bounds the recursion.
  std::vector<json> flatten(const json& node, const char* list_key, std::string_view where) const {
    if (node.is_null()) return {};
    if (text_of(node, "type", where) != "Sequence") return {node};
    const json& list = member(node, list_key, where);
    if (!list.is_array()) fail("{}: \"{}\" of {} should be a list", who_, list_key, where);
    std::vector<json> steps;
    for (const json& item : list) {
      const auto inner = flatten(item, list_key, where);
      steps.insert(steps.end(), inner.begin(), inner.end());
    }
    return steps;
  }

  const json& root_;
  std::string who_;
  TokenizerSpec spec_;
};

// tokenizer_config.json spells a token as "text", {"content": "text", ...} or null.
std::optional<std::string> token_text(const json& config, const char* key, std::string_view who) {
  const auto it = config.find(key);
  if (it == config.end() || it->is_null()) return std::nullopt;
  const json& value = it->is_object() && it->contains("content") ? (*it)["content"] : *it;
  if (!value.is_string()) fail("{}: \"{}\" should be a string, an object with \"content\" or null", who, key);
  return value.get<std::string>();
}

std::optional<std::int32_t> added_id(const TokenizerSpec& spec, const std::optional<std::string>& text,
                                     std::string_view role, std::string_view who) {
  if (!text) return std::nullopt;
  if (const auto it = std::ranges::find(spec.added, *text, &AddedToken::text); it != spec.added.end())
    return it->id;
  if (const auto it = std::ranges::find(spec.tokens, *text); it != spec.tokens.end() && !text->empty())
    return static_cast<std::int32_t>(it - spec.tokens.begin());
  fail("{}: the {} \"{}\" is not a token of tokenizer.json", who, role, printable(*text));
}

// "chat_template" is the text itself or a list of named ones.
void read_chat_template(const json& config, std::string_view who, TokenizerSpec& spec) {
  const auto it = config.find("chat_template");
  if (it == config.end() || it->is_null()) return;
  if (it->is_string()) {
    set_chat_template(it->get_ref<const std::string&>(), who, spec);
    return;
  }
  std::string names;
  if (it->is_array())
    for (const json& item : *it) {
      if (!item.is_object() || !item.value("name", json()).is_string() ||
          !item.value("template", json()).is_string())
        continue;
      const auto& name = item["name"].get_ref<const std::string&>();
      if (name == "default") {
        set_chat_template(item["template"].get_ref<const std::string&>(), who, spec);
        return;
      }
      names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", printable(name, 40));
    }
  spec.chat_template.reset();
  spec.chat_template_fault =
      fmt::format("{}: \"chat_template\" should be a string or a list with one named \"default\"{}", who,
                  names.empty() ? "" : "; it has " + names);
}

}  // namespace

TokenizerSpec::Merge split_merge(std::string_view text, std::size_t rank, std::string_view who) {
  const std::size_t space = text.find(' ');
  const bool two = space != std::string_view::npos && space > 0 && space + 1 < text.size() &&
                   text.find(' ', space + 1) == std::string_view::npos;
  if (!two)
    fail("{}: merge {} is \"{}\", expected two parts with a space between", who, rank, printable(text));
  return {std::string(text.substr(0, space)), std::string(text.substr(space + 1))};
}

void set_chat_template(std::string_view text, std::string_view who, TokenizerSpec& spec) {
  spec.chat_template.reset();
  spec.chat_template_fault.clear();
  if (text.size() <= kMaxTemplateBytes)
    spec.chat_template = std::string(text);
  else
    spec.chat_template_fault = fmt::format("{}: a chat template of {} bytes, expected at most {}", who,
                                           text.size(), kMaxTemplateBytes);
}

TokenizerSpec parse_tokenizer_json(std::string_view text, std::string_view who) {
  const json root = parse_json(text, who, kLimits);
  return Reader(root, who).read();
}

void apply_tokenizer_config(std::string_view text, std::string_view who, TokenizerSpec& spec) {
  const json config = parse_json(text, who, kLimits);
  if (!config.is_object()) fail("{}: expected a JSON object", who);
  if (const auto bos = added_id(spec, token_text(config, "bos_token", who), "bos_token", who)) spec.bos = bos;
  if (const auto eos = added_id(spec, token_text(config, "eos_token", who), "eos_token", who))
    spec.eos = {*eos};
  read_chat_template(config, who, spec);
  const auto it = config.find("add_bos_token");
  if (it == config.end() || it->is_null()) return;
  if (!it->is_boolean()) fail("{}: \"add_bos_token\" should be true or false", who);
  if (!it->get<bool>()) {
    spec.prefix.clear();
  } else if (spec.prefix.empty()) {
    if (!spec.bos) fail("{}: add_bos_token is true, but there is no bos_token", who);
    spec.prefix = {*spec.bos};
  }
}

}  // namespace dsa
