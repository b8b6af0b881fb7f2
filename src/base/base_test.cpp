#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <limits>

#include "base/checked.h"
#include "base/env.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"

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
}

struct BadJson {
  const char* name;
  std::string text;
  const char* expect;
};

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
