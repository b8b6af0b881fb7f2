// Files that mean harm or are merely wrong: one clear error each, never a crash
// (docs/hostile-inputs.md H43 to H53).
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <span>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/gguf.h"
#include "testing/test_files.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_gguf.h"
#include "tokenizer/tokenizer_json.h"

namespace dsa {
namespace {

using nlohmann::json;

// A correct tokenizer.json in miniature; each case breaks one thing.
json small() {
  return parse_json(R"({
    "added_tokens": [{"id": 5, "content": "<s>", "special": true, "normalized": false}],
    "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
    "post_processor": null,
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4}, "merges": ["a b", "ab c"]}
  })",
                    "test");
}

std::string read_error(const std::string& text) {
  try {
    const Tokenizer t(parse_tokenizer_json(text, "tokenizer.json"));
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

json with_regex(const std::string& regex) {
  json j = small();
  j["pre_tokenizer"] = {{"type", "Sequence"},
                        {"pretokenizers",
                         {{{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}},
                          {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
  return j;
}

TEST(TokenizerJson, TheMiniatureItselfIsRead) {
  const Tokenizer t(parse_tokenizer_json(json_text(small()), "tokenizer.json"));
  EXPECT_EQ(t.encode("abcab<s>", SpecialTokens::parse), (std::vector<std::int32_t>{4, 3, 5}));
  EXPECT_EQ(t.encode("xyza", SpecialTokens::parse), std::vector<std::int32_t>{0});  // no token spells x, y, z
}

struct Case {
  const char* what;
  const char* expected;  // part of the error
  void (*change)(json&);
};

const Case kCases[] = {
    {"negative id", "id", [](json& j) { j["model"]["vocab"]["a"] = -1; }},
    {"huge id", "id", [](json& j) { j["model"]["vocab"]["a"] = std::int64_t{1} << 31; }},
    {"sparse id", "expected less than", [](json& j) { j["model"]["vocab"]["a"] = 4'000'000; }},
    {"duplicate id", "same id", [](json& j) { j["model"]["vocab"]["a"] = 1; }},
    {"string id", "id", [](json& j) { j["model"]["vocab"]["a"] = "0"; }},
    {"fractional id", "id", [](json& j) { j["model"]["vocab"]["a"] = 0.5; }},
    {"empty token", "empty token", [](json& j) { j["model"]["vocab"][""] = 9; }},
    {"vocab is a list", "vocab", [](json& j) { j["model"]["vocab"] = json::array(); }},
    {"no vocab", "vocab", [](json& j) { j["model"].erase("vocab"); }},
    {"a token of 1 MB", "bytes", [](json& j) { j["model"]["vocab"][std::string(1 << 20, 'x')] = 9; }},
    {"merge of an unknown part", "not in the vocabulary",
     [](json& j) { j["model"]["merges"].push_back("a z"); }},
    {"merged token absent", "not in the vocabulary", [](json& j) { j["model"]["merges"].push_back("b c"); }},
    {"merge of three parts", "two parts", [](json& j) { j["model"]["merges"].push_back("a b c"); }},
    {"merge of one part", "two parts", [](json& j) { j["model"]["merges"].push_back("a"); }},
    {"merge of an empty part", "two parts", [](json& j) { j["model"]["merges"].push_back(" a"); }},
    {"merge as a number", "merge 2", [](json& j) { j["model"]["merges"].push_back(7); }},
    {"merge as three strings", "merge 2",
     [](json& j) {
       j["model"]["merges"].push_back({"a", "b", "c"});
     }},
    {"added id out of range", "id", [](json& j) { j["added_tokens"][0]["id"] = 5'000'000; }},
    {"added id far away", "expected less than", [](json& j) { j["added_tokens"][0]["id"] = 1'000'000; }},
    {"added id negative", "id", [](json& j) { j["added_tokens"][0]["id"] = -5; }},
    {"added id taken", "has the id", [](json& j) { j["added_tokens"][0]["id"] = 3; }},
    {"added text in the vocabulary", "in the vocabulary",
     [](json& j) { j["added_tokens"][0]["content"] = "ab"; }},
    {"added text empty", "empty", [](json& j) { j["added_tokens"][0]["content"] = ""; }},
    {"added text of 1 MB", "bytes",
     [](json& j) { j["added_tokens"][0]["content"] = std::string(1 << 20, 'x'); }},
    {"added text twice", "twice",
     [](json& j) {
       json again = j["added_tokens"][0];
       again["id"] = 6;
       j["added_tokens"].push_back(again);
     }},
    {"two added texts with one id", "two added tokens",
     [](json& j) {
       json again = j["added_tokens"][0];
       again["content"] = "<t>";
       j["added_tokens"].push_back(again);
     }},
    {"control token of one byte", "single byte",
     [](json& j) {
       j["added_tokens"][0] = {{"id", 0}, {"content", "a"}, {"special", true}};
     }},
    {"flag is a number", "true or false", [](json& j) { j["added_tokens"][0]["special"] = 1; }},
    {"model of another type", "Unigram", [](json& j) { j["model"]["type"] = "Unigram"; }},
    {"byte fallback", "byte_fallback", [](json& j) { j["model"]["byte_fallback"] = true; }},
    {"word suffix", "end_of_word_suffix", [](json& j) { j["model"]["end_of_word_suffix"] = "</w>"; }},
    {"dropout", "dropout", [](json& j) { j["model"]["dropout"] = 0.1; }},
    {"unknown token absent", "unk_token", [](json& j) { j["model"]["unk_token"] = "<unk>"; }},
    {"Replace that grows", "Replace",
     [](json& j) {
       j["normalizer"] = {
           {"type", "Replace"}, {"pattern", {{"String", ""}}}, {"content", std::string(1 << 16, 'x')}};
     }},
    {"precompiled map", "Precompiled",
     [](json& j) {
       j["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "AAAA"}};
     }},
    {"NFKC", "NFKC",
     [](json& j) {
       j["normalizer"] = {{"type", "NFKC"}};
     }},
    {"unknown pre-tokenizer", "Metaspace",
     [](json& j) {
       j["pre_tokenizer"] = {{"type", "Metaspace"}};
     }},
    {"no pre-tokenizer", "ByteLevel", [](json& j) { j["pre_tokenizer"] = nullptr; }},
    {"prefix space", "add_prefix_space", [](json& j) { j["pre_tokenizer"]["add_prefix_space"] = true; }},
    {"known splits in another order", "order",
     [](json& j) {
       j["pre_tokenizer"] = {{"type", "Sequence"},
                             {"pretokenizers",
                              {{{"type", "Digits"}, {"individual_digits", true}},
                               {{"type", "ByteLevel"}, {"use_regex", false}}}}};
     }},
    {"pre-tokenizer without type", "type", [](json& j) { j["pre_tokenizer"] = json::object(); }},
    {"pre-tokenizer is a number", "object", [](json& j) { j["pre_tokenizer"] = 4; }},
    {"template with an unknown token", "not an added token",
     [](json& j) {
       j["post_processor"] = {{"type", "TemplateProcessing"},
                              {"single", {{{"SpecialToken", {{"id", "<x>"}}}}}}};
     }},
    {"template with a token behind", "after the text",
     [](json& j) {
       j["post_processor"] = {
           {"type", "TemplateProcessing"},
           {"single", {{{"Sequence", {{"id", "A"}}}}, {{"SpecialToken", {{"id", "<s>"}}}}}}};
     }},
    {"decoder of another type", "WordPiece",
     [](json& j) {
       j["decoder"] = {{"type", "WordPiece"}};
     }},
};

TEST(TokenizerJson, EachBrokenFileIsOneClearError) {
  for (const Case& c : kCases) {
    json j = small();
    c.change(j);
    const std::string error = read_error(json_text(j));
    EXPECT_TRUE(error.starts_with("tokenizer.json: ")) << c.what << ": " << error;
    EXPECT_NE(error.find(c.expected), std::string::npos) << c.what << ": " << error;
    EXPECT_LT(error.size(), 1000U) << c.what;
  }
}

TEST(TokenizerJson, PatternsFromFilesAreNeverRun) {
  for (const char* regex :
       {"(a+)+", "(.*)*x", "(?<=a)b", "a{1,1000000}", "[[:nonsense:]]", "(", "", "\\p{L}++"}) {
    const std::string error = read_error(json_text(with_regex(regex)));
    EXPECT_NE(error.find("does not know"), std::string::npos) << regex << ": " << error;
  }
  EXPECT_NE(read_error(json_text(with_regex(std::string(1 << 20, 'a')))).find("does not know"),
            std::string::npos);
}

TEST(TokenizerJson, TextsThatAreNoJsonObject) {
  for (const std::string text : {"", "[]", "null", "{", "{\"model\": 1}", "{\"a\":1,\"a\":2}", "\xFF"})
    EXPECT_TRUE(read_error(text).starts_with("tokenizer.json: ")) << text;
}

TEST(TokenizerJson, DeepSequencesEndAtTheDepthLimit) {
  std::string nested;
  for (int i = 0; i < 100'000; ++i) nested += R"({"type":"Sequence","normalizers":[)";
  EXPECT_TRUE(read_error("{\"normalizer\":" + nested).starts_with("tokenizer.json: "));
}

TEST(TokenizerJson, HarmlessOdditiesAreRead) {
  json j = small();
  j["model"]["vocab"][std::string(1, '\0')] = 6;  // a token that is NUL
  j["model"]["vocab"]["<0xZZ>"] = 7;              // what SentencePiece would take for a byte
  j["model"]["merges"].push_back({"a", "b"});     // a pair twice: the last rank counts
  j["added_tokens"].push_back(
      {{"id", 4}, {"content", "abc"}, {"special", true}});  // H46: also what merges make
  const Tokenizer t(parse_tokenizer_json(json_text(j), "tokenizer.json"));
  EXPECT_EQ(t.piece(6), std::string_view("\0", 1));
  EXPECT_EQ(t.piece(7), "<0xZZ>");
  EXPECT_EQ(t.encode("abc", SpecialTokens::as_text), (std::vector<std::int32_t>{3, 2}));
  EXPECT_EQ(t.encode("abc", SpecialTokens::parse), std::vector<std::int32_t>{4});
}

TEST(TokenizerJson, OlderSpellingsAreRead) {
  json j = small();
  j["model"].erase("type");
  j["decoder"] = {{"type", "Sequence"}, {"decoders", {{{"type", "ByteLevel"}}}}};
  const Tokenizer t(parse_tokenizer_json(json_text(j), "tokenizer.json"));
  EXPECT_EQ(t.encode("abc", SpecialTokens::as_text), std::vector<std::int32_t>{4});
}

Tokenizer with_config(const json& config) {
  TokenizerSpec spec = parse_tokenizer_json(json_text(small()), "tokenizer.json");
  apply_tokenizer_config(json_text(config), "tokenizer_config.json", spec);
  return Tokenizer(std::move(spec));
}

TEST(TokenizerConfig, TokensAreCheckedAgainstTheVocabulary) {
  const Tokenizer t = with_config({{"bos_token", {{"content", "<s>"}}},
                                   {"eos_token", "abc"},
                                   {"add_bos_token", true},
                                   {"chat_template", {{{"name", "default"}, {"template", "T"}}}}});
  EXPECT_EQ(t.bos(), 5);
  EXPECT_TRUE(t.add_bos());
  EXPECT_EQ(t.eos_ids(), std::vector<std::int32_t>{4});
  EXPECT_EQ(t.chat_template(), "T");
  EXPECT_THROW(with_config({{"bos_token", "<nope>"}}), Error);
  EXPECT_THROW(with_config({{"bos_token", 7}}), Error);
  EXPECT_THROW(with_config({{"add_bos_token", true}}), Error);
  EXPECT_THROW(with_config({{"add_bos_token", "yes"}}), Error);
  EXPECT_THROW(with_config(json::array()), Error);
}

// Who does not chat needs no template.
TEST(TokenizerConfig, AWrongChatTemplateStopsThoseWhoChatAlone) {
  const auto error_of = [](const json& chat_template) -> std::string {
    const Tokenizer t = with_config({{"chat_template", chat_template}});
    EXPECT_FALSE(t.encode("abc", SpecialTokens::as_text).empty());
    try {
      (void)t.chat_template();
      return "none";
    } catch (const Error& e) {
      return e.what();
    }
  };
  EXPECT_EQ(error_of("T"), "none");
  for (const char* wrong : {"7", "[]", R"([{"name": 7}, 8, {"template": "T"}, {"name": "default"}])"})
    EXPECT_EQ(
        error_of(json::parse(wrong)),
        "tokenizer_config.json: \"chat_template\" should be a string or a list with one named \"default\"");
  const std::string no_default = error_of(json::parse(R"([{"name": "tool_use", "template": "T"}])"));
  EXPECT_TRUE(no_default.ends_with("; it has \"tool_use\"")) << no_default;
  EXPECT_EQ(error_of(std::string(kMaxTemplateBytes, 'x')), "none");
  EXPECT_EQ(error_of(std::string(kMaxTemplateBytes + 1, 'x')),
            "tokenizer_config.json: a chat template of 1048577 bytes, expected at most 1048576");
}

// GGUF metadata by hand: key, then a writer of the typed value.
class Gguf {
 public:
  Gguf() {
    set("tokenizer.ggml.model", "gpt2");
    set("tokenizer.ggml.pre", "gpt-2");
    strings("tokenizer.ggml.tokens", {"a", "b", "ab", "<s>"});
    i32s("tokenizer.ggml.token_type", {1, 1, 1, 3});
    strings("tokenizer.ggml.merges", {"a b"});
    u32("tokenizer.ggml.bos_token_id", 3);
  }
  void set(const std::string& key, const std::string& value) { fields_[key] = number(8U) + text(value); }
  void u32(const std::string& key, std::uint32_t value) { fields_[key] = number(4U) + number(value); }
  void boolean(const std::string& key, bool value) {
    fields_[key] = number(7U) + std::string(1, value ? '\1' : '\0');
  }
  void strings(const std::string& key, const std::vector<std::string>& values) {
    std::string out = number(9U) + number(8U) + number(std::uint64_t{values.size()});
    for (const std::string& value : values) out += text(value);
    fields_[key] = out;
  }
  void i32s(const std::string& key, const std::vector<std::int32_t>& values) {
    std::string out = number(9U) + number(5U) + number(std::uint64_t{values.size()});
    for (const std::int32_t value : values) out += number(value);
    fields_[key] = out;
  }
  void erase(const std::string& key) { fields_.erase(key); }

  [[nodiscard]] std::string bytes() const {
    std::string out = "GGUF" + number(3U) + number(std::uint64_t{0}) + number(std::uint64_t{fields_.size()});
    for (const auto& [key, value] : fields_) out += text(key) + value;
    return out;
  }
  [[nodiscard]] Tokenizer open() const {
    const std::string held = bytes();
    const GgufFile file(std::as_bytes(std::span(held)), "model.gguf");
    return Tokenizer::from_gguf(file);
  }
  [[nodiscard]] std::string error() const {
    try {
      (void)open();
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }

 private:
  template <class T>
  static std::string number(T value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
  }
  static std::string text(const std::string& value) { return number(std::uint64_t{value.size()}) + value; }
  std::map<std::string, std::string> fields_;
};

TEST(OpenTokenizer, AGgufThatHoldsAVocabularyAloneIsEnough) {
  const TempFolder folder;
  const Tokenizer t = open_tokenizer(folder.write("vocabulary.gguf", Gguf().bytes()));
  EXPECT_EQ(t.encode("ab", SpecialTokens::parse), std::vector<std::int32_t>{2});
}

TEST(TokenizerGguf, TheMiniatureItselfIsRead) {
  const Tokenizer t = Gguf().open();
  EXPECT_EQ(t.encode("ab<s>", SpecialTokens::parse), (std::vector<std::int32_t>{2, 3}));
  EXPECT_EQ(t.bos(), 3);
  EXPECT_FALSE(t.add_bos());
}

TEST(TokenizerGguf, SpecialTokensBeyondTheVocabularyAreLeftOut) {
  for (const std::uint32_t id : {4U, 32007U, 0xFFFFFFFFU}) {
    Gguf g;
    g.u32("tokenizer.ggml.bos_token_id", id);
    g.u32("tokenizer.ggml.eos_token_id", id);
    EXPECT_FALSE(g.open().bos()) << id;
    EXPECT_TRUE(g.open().eos_ids().empty()) << id;
  }
}

TEST(TokenizerGguf, EachBrokenFileIsOneClearError) {
  struct GgufCase {
    const char* expected;
    void (*change)(Gguf&);
  };
  const GgufCase cases[] = {
      {"tokenizer.ggml.model", [](Gguf& g) { g.set("tokenizer.ggml.model", "llama"); }},
      {"tokenizer.ggml.model", [](Gguf& g) { g.erase("tokenizer.ggml.model"); }},
      {"tokenizer.ggml.pre", [](Gguf& g) { g.set("tokenizer.ggml.pre", "tekken"); }},
      {"tokenizer.ggml.pre", [](Gguf& g) { g.erase("tokenizer.ggml.pre"); }},
      {"tokenizer.ggml.tokens", [](Gguf& g) { g.erase("tokenizer.ggml.tokens"); }},
      {"tokenizer.ggml.tokens", [](Gguf& g) { g.set("tokenizer.ggml.tokens", "a"); }},
      {"both",
       [](Gguf& g) {
         g.strings("tokenizer.ggml.tokens", {"a", "a", "ab", "<s>"});
       }},
      {"empty",
       [](Gguf& g) {
         g.strings("tokenizer.ggml.tokens", {"a", "", "ab", "<s>"});
       }},
      {"4",
       [](Gguf& g) {
         g.i32s("tokenizer.ggml.token_type", {1, 1, 1});
       }},
      {"type 6",
       [](Gguf& g) {
         g.i32s("tokenizer.ggml.token_type", {1, 1, 1, 6});
       }},
      {"token_type of token 3 is -1",
       [](Gguf& g) {
         g.i32s("tokenizer.ggml.token_type", {1, 1, 1, -1});
       }},
      {"tokenizer.ggml.merges is missing", [](Gguf& g) { g.erase("tokenizer.ggml.merges"); }},
      {"two parts", [](Gguf& g) { g.strings("tokenizer.ggml.merges", {"ab"}); }},
      {"not in the vocabulary", [](Gguf& g) { g.strings("tokenizer.ggml.merges", {"b a"}); }},
      {"bos_token_id",
       [](Gguf& g) {
         g.boolean("tokenizer.ggml.add_bos_token", true);
         g.erase("tokenizer.ggml.bos_token_id");
       }},
  };
  for (const GgufCase& c : cases) {
    Gguf g;
    c.change(g);
    const std::string error = g.error();
    EXPECT_TRUE(error.starts_with("model.gguf: ")) << error;
    EXPECT_NE(error.find(c.expected), std::string::npos) << error << " (expected " << c.expected << ")";
  }
}

}  // namespace
}  // namespace dsa
