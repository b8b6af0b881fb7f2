// Every golden tokenizer.json, read, written and read again, is the same tokenizer.
#include "tokenizer/tokenizer_json_write.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tokenizer/tokenizer_json.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void expect_same(const TokenizerSpec& a, const TokenizerSpec& b) {
  EXPECT_EQ(a.pre->splits.size(), b.pre->splits.size());
  EXPECT_TRUE(std::ranges::equal(a.pre->splits, b.pre->splits));
  EXPECT_EQ(a.nfc, b.nfc);
  EXPECT_EQ(a.ignore_merges, b.ignore_merges);
  EXPECT_EQ(a.unknown, b.unknown);
  EXPECT_EQ(a.bos, b.bos);
  EXPECT_EQ(a.eos, b.eos);
  EXPECT_EQ(a.prefix, b.prefix);
  EXPECT_EQ(a.chat_template, b.chat_template);
  ASSERT_EQ(a.merges.size(), b.merges.size());
  for (std::size_t i = 0; i < a.merges.size(); ++i) {
    ASSERT_EQ(a.merges[i].left, b.merges[i].left);
    ASSERT_EQ(a.merges[i].right, b.merges[i].right);
  }
  ASSERT_EQ(a.added.size(), b.added.size());
  for (const AddedToken& token : a.added) {
    const auto other = std::ranges::find(b.added, token.id, &AddedToken::id);
    ASSERT_NE(other, b.added.end());
    EXPECT_EQ(token.text, other->text);
    EXPECT_EQ(std::tie(token.special, token.lstrip, token.rstrip, token.single_word, token.normalized),
              std::tie(other->special, other->lstrip, other->rstrip, other->single_word, other->normalized));
  }
  // The vocabulary that is written holds the added tokens too.
  for (std::size_t id = 0; id < b.tokens.size(); ++id) {
    const std::string before = id < a.tokens.size() ? a.tokens[id] : "";
    const auto added = std::ranges::find(a.added, static_cast<std::int32_t>(id), &AddedToken::id);
    ASSERT_EQ(added == a.added.end() ? before : added->text, b.tokens[id]) << id;
  }
}

TEST(TokenizerJsonWrite, ReadsBackAsTheSameTokenizer) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(DSA_SOURCE_DIR) / "tests/goldens/tokenizer")) {
    if (!entry.path().filename().string().ends_with("tokenizer.json")) continue;
    SCOPED_TRACE(entry.path().string());
    const TokenizerSpec spec = parse_tokenizer_json(read_file(entry.path()), "golden");
    TokenizerSpec again = parse_tokenizer_json(tokenizer_json(spec), "written");
    apply_tokenizer_config(tokenizer_config_json(spec, 2048), "written", again);
    expect_same(spec, again);
    ++count;
  }
  EXPECT_GE(count, 7);
}

TEST(TokenizerJsonWrite, TheTemplateIsInTheConfig) {
  TokenizerSpec spec = parse_tokenizer_json(
      read_file(fs::path(DSA_SOURCE_DIR) / "tests/goldens/tokenizer/qwen2.tokenizer.json"), "golden");
  ASSERT_FALSE(spec.added.empty());
  spec.chat_template = "{{ x }}\n";
  spec.bos = spec.added.front().id;
  spec.eos = {spec.added.back().id};
  TokenizerSpec again = parse_tokenizer_json(tokenizer_json(spec), "written");
  apply_tokenizer_config(tokenizer_config_json(spec, 2048), "written", again);
  EXPECT_EQ(again.chat_template, spec.chat_template);
  EXPECT_EQ(again.bos, spec.bos);
  EXPECT_EQ(again.eos, spec.eos);
  EXPECT_TRUE(again.prefix.empty());
}

}  // namespace
}  // namespace dsa
