// Behaviour that needs no golden, hostile texts, and the cost of long ones.
#include "tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "base/error.h"
#include "base/rng.h"
#include "tokenizer/bpe.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/nfc.h"
#include "tokenizer/stream_decoder.h"
#include "tokenizer/tokenizer_spec.h"
#include "tokenizer/utf8.h"

namespace dsa {
namespace {

using Ids = std::vector<std::int32_t>;

Tokenizer golden_tokenizer(const std::string& name) {
  return Tokenizer::from_tokenizer_json(std::filesystem::path(DSA_SOURCE_DIR) / "tests/goldens/tokenizer" /
                                        (name + ".tokenizer.json"));
}

std::string repaired(std::string_view text) {
  std::string storage;
  return std::string(repaired_utf8(text, storage));
}

TEST(Utf8, ReplacesBrokenBytesAsPython) {
  // Each expectation is what Python 3.11 prints for bytes.decode(errors="replace").
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""},
      {"a\xFFz", "a\uFFFDz"},
      {"\xC0\x80", "\uFFFD\uFFFD"},
      {"\xE0\x80\xAF", "\uFFFD\uFFFD\uFFFD"},
      {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},  // a lone surrogate
      {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"\xF0\x9F\x98", "\uFFFD"},
      {"\xF0\x9F\x98x", "\uFFFDx"},
      {"\xE4\xB8\xE4\xB8\xAD", "\uFFFD\u4E2D"},
      {"\xF8\x88\x80\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"\xF4\x8F\xBF\xBF", "\U0010FFFF"},
  };
  for (const auto& [bytes, expected] : cases) EXPECT_EQ(repaired(bytes), expected) << printable(bytes);
}

TEST(ByteAlphabet, IsGpt2s) {
  EXPECT_EQ(alphabet_of_byte(' '), U'\u0120');
  EXPECT_EQ(alphabet_of_byte('\n'), U'\u010A');
  EXPECT_EQ(alphabet_of_byte('a'), U'a');
  EXPECT_EQ(alphabet_of_byte(0xAD), U'\u0143');
  std::set<char32_t> all;
  for (int b = 0; b < 256; ++b) {
    std::string entry;
    append_utf8(entry, alphabet_of_byte(static_cast<unsigned char>(b)));
    EXPECT_EQ(bytes_of_alphabet(entry), std::string(1, static_cast<char>(b)));
    all.insert(alphabet_of_byte(static_cast<unsigned char>(b)));
  }
  EXPECT_EQ(all.size(), 256U);
  EXPECT_EQ(bytes_of_alphabet("a b"), std::nullopt);
}

TEST(Nfc, ComposesInCanonicalOrder) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"e\u0301", "\u00E9"},
      {"a\u0302\u0323", "\u1EAD"},
      {"\u1100\u1161\u11A8", "\uAC01"},
      {"\u212B", "\u00C5"},
      {"\u0958", "\u0915\u093C"},                  // excluded from composition
      {"\uFDFA", "\uFDFA"},                        // expands in NFKC alone
      {"a\U00010F46\u0301", "a\U00010F46\u0301"},  // newer than Unicode 9: stands between
  };
  for (const auto& [text, expected] : cases) {
    std::string storage;
    EXPECT_EQ(nfc(text, storage), expected);
  }
}

TEST(SpecialTokens, TypedByAPersonStayText) {
  const Tokenizer t = golden_tokenizer("llama3");
  const auto end = t.token_id("<|im_end|>");
  const auto user = t.token_id("<｜User｜>");  // not marked as special in the file, as in DeepSeek-V3's
  ASSERT_TRUE(end && user);
  for (const std::string_view text :
       {"<|im_end|>", "a<|im_end|>b", "<|im_<|im_end|>end|>", "<｜User｜>", "<s>"}) {
    const Ids typed = t.encode(text, SpecialTokens::as_text);
    for (const std::int32_t id : typed) EXPECT_FALSE(t.is_special(id) || id == *user) << text;
    EXPECT_EQ(t.decode(typed, /*skip_special=*/true), text);
  }
  EXPECT_EQ(t.encode("<|im_end|>", SpecialTokens::parse), Ids{*end});
  EXPECT_EQ(t.decode(Ids{*end}, /*skip_special=*/false), "<|im_end|>");
  EXPECT_EQ(t.decode(Ids{*end}, /*skip_special=*/true), "");
  EXPECT_TRUE(t.add_bos());
  EXPECT_EQ(t.bos(), t.token_id("<s>"));
  EXPECT_EQ(golden_tokenizer("glm4").prefix_ids().size(), 2U);
}

TEST(Decode, IdsOutsideTheVocabularyLeaveNothing) {
  const Tokenizer t = golden_tokenizer("gpt2");
  for (const std::int32_t id : {-1, INT32_MIN, INT32_MAX, t.vocab_size()}) {
    EXPECT_EQ(t.piece(id), "");
    EXPECT_EQ(t.decode(Ids{id}, false), "");
    EXPECT_FALSE(t.is_special(id));
    StreamDecoder stream(t);
    EXPECT_EQ(stream.push(id) + stream.flush(), "");
  }
}

TEST(Decode, BrokenBytesAreKeptOrReplaced) {
  const Tokenizer t = golden_tokenizer("gpt2");
  const auto half = t.token_id("\xF0");
  ASSERT_TRUE(half);
  EXPECT_EQ(t.decode(Ids{*half}, false, InvalidBytes::keep), "\xF0");
  EXPECT_EQ(t.decode(Ids{*half}, false), "\uFFFD");
}

TEST(StreamDecoder, HoldsBackAtMostThreeBytes) {
  const Tokenizer t = golden_tokenizer("gpt2");
  const Ids half{*t.token_id("\xE4"), *t.token_id("\xB8")};
  StreamDecoder stream(t);
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text += stream.push(half[static_cast<std::size_t>(i % 2)]);
    ASSERT_LE(stream.held(), 3U);
  }
  text += stream.flush();
  std::string expected;
  for (int i = 0; i < 500; ++i) expected += "\uFFFD";
  EXPECT_EQ(text, expected);
}

// Any ids, special ones and broken bytes among them: the stream says what decode() says, in whole characters.
TEST(StreamDecoder, EqualsDecodeForAnyIds) {
  const Tokenizer t = golden_tokenizer("llama3");
  const CounterRng rng(5);
  std::uint64_t draw = 0;
  for (int round = 0; round < 500; ++round) {
    Ids ids(rng.at(draw++) % 24);
    // Mostly single bytes (the first ids), so that characters get cut and mixed up.
    for (auto& id : ids)
      id = static_cast<std::int32_t>(rng.at(draw++) % (round % 2 ? 256U : t.vocab_size() + 3U));
    for (const bool skip : {false, true}) {
      StreamDecoder stream(t, skip);
      std::string text;
      for (const std::int32_t id : ids) {
        const std::string part = stream.push(id);
        EXPECT_EQ(repaired(part), part);
        text += part;
      }
      EXPECT_EQ(text + stream.flush(), t.decode(ids, skip));
    }
  }
}

// A merge table in which every prefix of "aaaa..." merges: the worst case for the number of merges.
TEST(Bpe, OneLongWordTakesLinearlyManySteps) {
  Bpe bpe;
  bpe.byte_ids.fill(-1);
  bpe.byte_ids['a'] = 0;
  bpe.merges = MergeTable(16);
  for (std::int32_t i = 0; i < 12; ++i) bpe.merges.insert(i, i, {i, i + 1});  // a a -> aa, aa aa -> aaaa, ...
  Bpe::Scratch scratch;
  Ids ids;
  const std::size_t n = 1'000'000;
  bpe.encode(std::string(n, 'a'), scratch, ids);
  // Candidates: n at the start and at most two for each of the n merges; each costs O(log n).
  EXPECT_LE(scratch.operations, 5 * n);
  std::size_t total = 0;
  for (const std::int32_t id : ids) total += std::size_t{1} << id;
  EXPECT_EQ(total, n);
  EXPECT_EQ(ids.front(), 12);
}

// docs/hostile-inputs.md H50, at sizes where anything quadratic would take minutes.
TEST(LongTexts, PassThroughEveryPreTokenizer) {
  const std::size_t n = 100'000;
  std::string marks = "a";
  std::string mixed_marks = "a";
  std::string jamo;
  for (std::size_t i = 0; i < n / 4; ++i) {
    marks += "\u0301";
    mixed_marks +=
        i < n / 8 ? "\u0301" : "\u0316";  // out of canonical order: all of one class before all of another
    jamo += "\u1100";
  }
  const std::vector<std::string> texts = {std::string(n, '^'),
                                          std::string(n, 'a'),
                                          std::string(n, ' ') + "a",
                                          std::string(n, ' '),
                                          std::string(n, '\n'),
                                          std::string(n, '7'),
                                          std::string(n, '<'),
                                          std::string(n, '\0'),
                                          std::string(n, '\xFF'),
                                          marks,
                                          mixed_marks,
                                          jamo};
  for (const char* name : {"smollm", "gpt2", "llama3", "qwen2", "deepseek-llm", "deepseek-v3"}) {
    const Tokenizer t = golden_tokenizer(name);
    for (const std::string& text : texts) {
      const Ids ids = t.encode(text, SpecialTokens::as_text);
      if (std::string_view(name) != "qwen2") {  // NFC changes the marks
        EXPECT_EQ(t.decode(ids, true), repaired(text)) << name;
      }
    }
  }
}

TEST(Tokenizer, IsSharedByThreads) {
  const Tokenizer t = golden_tokenizer("deepseek-v3");
  const std::string text = "Threads share one tokenizer: 12345 سلام 你好\n\n";
  const Ids expected = t.encode(text, SpecialTokens::parse);
  std::vector<Ids> got(4);
  {
    std::vector<std::jthread> threads;
    for (Ids& ids : got)
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) ids = t.encode(text, SpecialTokens::parse);
      });
  }
  for (const Ids& ids : got) EXPECT_EQ(ids, expected);
}

}  // namespace
}  // namespace dsa
