#include "tokenizer/split_table.h"

#include <algorithm>
#include <array>
#include <string>

namespace dsa {
namespace {

// Spelled as published tokenizer.json files spell them (a real CR or LF as its escape).
constexpr std::array kSplits{
    SplitRule{.name = "digit", .file = R"(\p{N})"},
    SplitRule{.name = "three_digits", .file = R"(\p{N}{1,3})"},
    SplitRule{.name = "line_end", .file = R"([\r\n])"},
    SplitRule{.name = "gpt2",
              .file = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
              .covers = true},
    SplitRule{.name = "llama3",
              .file = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{)"
                      R"(1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
              .covers = true},
    SplitRule{.name = "qwen2",
              .file = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
                      R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
              .covers = true},
    // DeepSeek-LLM lists its letters and marks one by one instead of naming categories.
    SplitRule{.name = "deepseek_llm_letters",
              .file = R"(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-)"
                      R"(ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ)"
                      R"(-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ)"
                      R"(-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+)"},
    SplitRule{.name = "deepseek_llm_punctuation", .file = R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)"},
    // Its search would start anew at every space of a run that does not end the piece: quadratic.  Where a
    // run begins outside of white space, no start inside it can match unless the first one does.
    SplitRule{.name = "trailing_space", .file = R"(\s+$)", .pattern = R"((?<!\p{WSpace})\p{WSpace}++$)"},
    SplitRule{.name = "deepseek_llm_cjk", .file = R"([一-龥ࠀ-一가-퟿]+)"},
    SplitRule{.name = "deepseek_v3_cjk", .file = R"([一-龥぀-ゟ゠-ヿ]+)"},
    SplitRule{.name = "deepseek_v3",
              .file = R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\)"
                      R"(p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\)"
                      R"(s+(?!\S)|\s+)"},
};

using Names = std::string_view[];
constexpr Names kSmollm{"digit", "gpt2"};
constexpr Names kGpt2{"gpt2"};
constexpr Names kLlama3{"llama3"};
constexpr Names kQwen2{"qwen2"};
constexpr Names kDeepseekLlm{"line_end",       "deepseek_llm_letters", "deepseek_llm_punctuation",
                             "trailing_space", "deepseek_llm_cjk",     "digit"};
constexpr Names kDeepseekV3{"three_digits", "deepseek_v3_cjk", "deepseek_v3"};

// Names as llama.cpp's converter writes them; ours too.
constexpr Names kSmollmGguf{"smollm"};
constexpr Names kGpt2Gguf{"gpt-2", "gpt2"};
constexpr Names kLlama3Gguf{"llama-bpe", "llama3", "llama-v3"};
constexpr Names kQwen2Gguf{"qwen2", "deepseek-r1-qwen"};
constexpr Names kDeepseekLlmGguf{"deepseek-llm"};
constexpr Names kDeepseekV3Gguf{"deepseek-v3"};
constexpr Names kGlm4Gguf{"glm4", "chatglm-bpe"};

constexpr std::array kRules{
    PreTokenizerRule{.name = "smollm", .splits = kSmollm, .gguf_names = kSmollmGguf},
    PreTokenizerRule{.name = "gpt2", .splits = kGpt2, .gguf_names = kGpt2Gguf},
    PreTokenizerRule{.name = "llama3",
                     .splits = kLlama3,
                     .gguf_names = kLlama3Gguf,
                     .ignore_merges = true,
                     .add_bos = true},
    PreTokenizerRule{.name = "qwen2", .splits = kQwen2, .gguf_names = kQwen2Gguf, .nfc = true},
    PreTokenizerRule{.name = "deepseek-llm", .splits = kDeepseekLlm, .gguf_names = kDeepseekLlmGguf},
    PreTokenizerRule{.name = "deepseek-v3", .splits = kDeepseekV3, .gguf_names = kDeepseekV3Gguf},
    PreTokenizerRule{.name = "glm4", .splits = kLlama3, .gguf_names = kGlm4Gguf, .ignore_merges = true},
};

std::string with_escapes(std::string_view file_pattern) {
  std::string out;
  for (const char c : file_pattern) {
    if (c == '\r')
      out += "\\r";
    else if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

}  // namespace

const SplitRule* find_split(std::string_view name) {
  const auto* it = std::ranges::find(kSplits, name, &SplitRule::name);
  return it == kSplits.end() ? nullptr : it;
}

const SplitRule* find_split_by_file_pattern(std::string_view file_pattern) {
  if (file_pattern.size() > 4096) return nullptr;
  const auto* it = std::ranges::find(kSplits, with_escapes(file_pattern), &SplitRule::file);
  return it == kSplits.end() ? nullptr : it;
}

std::span<const PreTokenizerRule> pre_tokenizer_rules() { return kRules; }

const PreTokenizerRule* find_pre_tokenizer(std::string_view gguf_name) {
  const auto* it = std::ranges::find_if(kRules, [&](const PreTokenizerRule& rule) {
    return std::ranges::find(rule.gguf_names, gguf_name) != rule.gguf_names.end();
  });
  return it == kRules.end() ? nullptr : it;
}

const PreTokenizerRule* find_pre_tokenizer(std::span<const std::string_view> splits) {
  const auto* it = std::ranges::find_if(
      kRules, [&](const PreTokenizerRule& rule) { return std::ranges::equal(rule.splits, splits); });
  return it == kRules.end() ? nullptr : it;
}

}  // namespace dsa
