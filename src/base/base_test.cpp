#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>

#include "base/checked.h"
#include "base/env.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "base/stopwatch.h"

namespace dsa {
namespace {

TEST(Checked, WrapsAreNullopt) {
  constexpr auto kMax = std::numeric_limits<std::size_t>::max();
  EXPECT_FALSE(checked_add(kMax, std::size_t{1}));
  EXPECT_FALSE(checked_mul(kMax / 2 + 1, std::size_t{2}));  // wraps to exactly 0
  EXPECT_EQ(checked_mul(std::size_t{3}, std::size_t{4}), std::size_t{12});
  EXPECT_FALSE(checked_cast<std::int32_t>(std::int64_t{1} << 40));
  EXPECT_FALSE(range_inside(8, kMax, 16));
  EXPECT_TRUE(range_inside(16, 0, 16));
}

TEST(Printable, EscapesAndCuts) {
  EXPECT_EQ(printable("a\x1b[1m\xff"), "a\\x1b[1m\\xff");
  EXPECT_EQ(printable("é"), "é");
  EXPECT_EQ(printable(std::string(500, 'x'), 10), "xxxxxxxxxx...");
  EXPECT_EQ(printable("a\u009b31m\u202egpj.exe\u2066\u200f\u061c\x7f\u00a0"),
            "a\\x9b31m\\u202egpj.exe\\u2066\\u200f\\u061c\\x7f\u00a0");
}

struct BadJson {
  const char* name;
  std::string text;
  const char* expect;
};

TEST(TerminalText, NothingThatATerminalObeysAndAllThatPeopleWrite) {
  for (const char* text : {"", "a\n\tb", "naïve — 你好 👩\u200d👧", "سلام\u200cها \u200f(ok)", "\ufffd"})
    EXPECT_EQ(terminal_text(text), text);
  EXPECT_EQ(terminal_text("\x1b]0;owned\x07 \x1b[2J\r\b"), "\\x1b]0;owned\\x07 \\x1b[2J\\x0d\\x08");
  EXPECT_EQ(terminal_text("\u009b2J\u202etxt\u2069\x9b\xc3"), "\\x9b2J\\u202etxt\\u2069\\x9b\\xc3");
  EXPECT_EQ(terminal_text(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(Json, RefusesWhatIsNotStrict) {
  const std::string deep(100, '[');
  const BadJson cases[] = {
      {"empty", "", "not valid JSON"},
      {"trailing", "{} x", "not valid JSON"},
      {"duplicate", R"({"a":1,"a":2})", "twice"},
      {"nested duplicate", R"([{"b":{"a":1,"a":2}}])", "twice"},
      {"comment", "{/*x*/}", "not valid JSON"},
      {"nan", "[NaN]", "not valid JSON"},
      {"overflow", "[1e999]", "not valid JSON"},
      {"utf8", "[\"\xff\"]", "not valid JSON"},
      {"bom", "\xEF\xBB\xBF{}", "byte order mark"},
      {"deep", deep, "nested deeper"},
  };
  for (const auto& c : cases) {
    try {
      parse_json(c.text, "file.json");
      ADD_FAILURE() << c.name << " was accepted";
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(c.expect), std::string::npos) << c.name << ": " << e.what();
      EXPECT_EQ(std::string(e.what()).rfind("file.json", 0), 0U) << e.what();
    }
  }
  EXPECT_EQ(parse_json(R"({"a":[1,{"a":2}],"b":{"a":1}})", "x")["a"][1]["a"], 2);
  EXPECT_TRUE(parse_json("[-1]", "x")[0].is_number_integer());
  EXPECT_FALSE(parse_json("[1.0]", "x")[0].is_number_integer());
}

// {"k...": 0, ...} with keys of 16 letters whose standard hash (MurmurHash64A, in libstdc++ with a fixed
// seed) is one and the same: the second half undoes what the first half did to the hash.
std::string colliding_object(int keys) {
  constexpr std::uint64_t kMul = 0xc6a4a7935bd1e995;
  const auto mix = [](std::uint64_t v) { return v ^ (v >> 47); };  // its own inverse
  std::uint64_t inverse = kMul;
  for (int i = 0; i < 6; ++i) inverse *= 2 - kMul * inverse;
  const std::uint64_t start = 0xc70f6907 ^ (16 * kMul);
  std::string text = "{";
  for (std::uint64_t i = 0; keys > 0; ++i) {
    std::array<char, 16> key{};
    for (std::size_t k = 0; k < 8; ++k) key[k] = static_cast<char>('a' + (i >> (4 * k) & 15));
    std::uint64_t first = 0;
    std::memcpy(&first, key.data(), 8);
    const std::uint64_t state = (start ^ (mix(first * kMul) * kMul)) * kMul;
    const std::uint64_t second = mix((state ^ start) * inverse) * inverse;
    std::memcpy(key.data() + 8, &second, 8);
    if (!std::all_of(key.begin(), key.end(),
                     [](char c) { return c >= ' ' && c < 127 && c != '"' && c != '\\'; }))
      continue;
    text += (text.size() > 1 ? ",\"" : "\"") + std::string(key.data(), key.size()) + "\":0";
    --keys;
  }
  return text + "}";
}

double seconds_to_parse(const std::string& text) {
  const Stopwatch watch;
  parse_json(text, "x");
  return watch.seconds();
}

TEST(Json, KeysChosenAgainstAHashAreParsedAsFastAsOthers) {
  constexpr int kKeys = 16000;
  std::string plain = "{";
  for (int i = 0; i < kKeys; ++i) plain += fmt::format("{}\"{:016}\":0", i == 0 ? "" : ",", i);
  const std::string hostile = colliding_object(kKeys);
  const std::size_t one = std::hash<std::string>{}(hostile.substr(2, 16));
  if (one != std::hash<std::string>{}(hostile.substr(23, 16)))
    GTEST_SKIP() << "another standard library's hash";
  EXPECT_LT(seconds_to_parse(hostile), 10 * seconds_to_parse(plain + "}") + 0.05);
}

TEST(MappedFile, RefusesWhatIsNoRegularFile) {
  EXPECT_THROW(MappedFile("/nonexistent/file"), Error);
  EXPECT_THROW(MappedFile("/tmp"), Error);
  EXPECT_THROW(MappedFile("/dev/null"), Error);
}

TEST(Env, NumbersAreChecked) {
  ::setenv("DSA_TEST_INT", "12x", 1);
  EXPECT_THROW(env_int("DSA_TEST_INT", 0, 100), Error);
  ::setenv("DSA_TEST_INT", "12", 1);
  EXPECT_EQ(env_int("DSA_TEST_INT", 0, 100), 12);
  EXPECT_THROW(env_int("DSA_TEST_INT", 0, 10), Error);
  ::setenv("DSA_TEST_INT", "", 1);
  EXPECT_EQ(env_int("DSA_TEST_INT", 0, 10), std::nullopt);
}

}  // namespace
}  // namespace dsa
