#include "cost/measured.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace dsa::cost {
namespace {

std::string row(std::string_view attention, int depth, std::string_view phase, int tokens, double speed) {
  return fmt::format(
      R"({{"attention":"{}","depth":{},"phase":"{}","tokens":{},"tok_s":{},"tok_s_min":{},"tok_s_max":{}}})",
      attention, depth, phase, tokens, speed, speed / 2, speed * 2);
}
std::string bench(const std::string& rows) {
  return fmt::format(R"({{"model":"m","machine":{{"cpu":"c"}},"rows":[{}]}})", rows);
}

const std::string kDecode = row("dense", 0, "decode", 33, 100),
                  kPrefill = row("dense", 0, "prefill", 513, 1000);

template <class F>
std::string complaint_of(const F& read) {
  try {
    read();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Measured, RowsBecomeSecondsAtTheMiddleOfTheirStretch) {
  const Speeds got = read_bench_text(bench(row("dense", 2048, "decode", 33, 50) + "," + kDecode + "," +
                                           kPrefill + "," + row("dense", 0, "prompt", 9, 7)),
                                     "b.json");
  ASSERT_EQ(got.kinds.size(), 1U);
  const Speed& dense = got.kinds[0];
  EXPECT_EQ(dense.attention, "dense");
  ASSERT_EQ(dense.decode.size(), 2U);
  EXPECT_EQ(dense.decode[0].position, 16);
  EXPECT_EQ(dense.decode[0].middle_s, 0.01);
  EXPECT_EQ(dense.decode[0].fast_s, 0.005);
  EXPECT_EQ(dense.decode[0].slow_s, 0.02);
  EXPECT_EQ(dense.decode[1].position, 2064);
  ASSERT_EQ(dense.prefill.size(), 1U);
  EXPECT_EQ(dense.prefill[0].position, 256);
  EXPECT_EQ(got.source, "measured: b.json, m on c");
}

// `dsa bench --sequences` puts them beside those of one, at the same depth.
TEST(Measured, RowsOfSeveralSequencesAreLeftOut) {
  std::string four = kDecode, one = kDecode;
  four.insert(1, R"("sequences":4,)");
  one.insert(1, R"("sequences":1,)");
  const Speeds got = read_bench_text(bench(four + "," + one + "," + kPrefill), "b.json");
  ASSERT_EQ(got.kinds.size(), 1U);
  ASSERT_EQ(got.kinds[0].decode.size(), 1U);
  EXPECT_EQ(got.kinds[0].decode[0].middle_s, 0.01);
  EXPECT_NE(complaint_of([&] { read_bench_text(bench(four + "," + kPrefill), "b.json"); }), "");
}

TEST(Measured, AKindThatWasNotMeasuredWholeIsLeftOut) {
  const Speeds got =
      read_bench_text(bench(kDecode + "," + kPrefill + "," + row("sparse", 0, "decode", 1, 5)), "b.json");
  ASSERT_EQ(got.kinds.size(), 1U);
  EXPECT_EQ(got.kinds[0].attention, "dense");
}

TEST(Measured, HostileBenchFilesAreRefused) {
  const std::string zero = row("dense", 0, "decode", 1, 0);
  for (const std::string& text :
       {std::string("{"), std::string("[]"), std::string("{}"), bench(""), bench(kDecode), bench("3"),
        bench(kDecode + "," + kDecode), bench(zero), bench(row("both", 0, "decode", 1, 1)),
        bench(row("dense", -1, "decode", 1, 1)), bench(row("dense", 0, "decode", 0, 1)),
        bench(R"({"attention":"dense","depth":"0","phase":"decode"})"),
        std::string(R"({"model":1,"machine":{"cpu":"c"},"rows":[]})")})
    EXPECT_TRUE(complaint_of([&] { read_bench_text(text, "b.json"); }).starts_with("b.json")) << text;
}

TEST(Measured, AServersRowsBecomeGainsAndTheShareOfAHit) {
  const ServerSpeeds got =
      read_server_text(R"({"cells":{"a/1":{"dsa":[100,110]},"a/8":{"dsa":[330,300],"peer":[9]},)"
                       R"("c/cold":{"dsa":[2000]},"c/ram":{"dsa":[50,100]}}})",
                       "s.json");
  ASSERT_EQ(got.batching.size(), 2U);
  EXPECT_EQ(got.batching[0].clients, 1);
  EXPECT_EQ(got.batching[0].gain, Range(1));
  EXPECT_EQ(got.batching[1].clients, 8);
  EXPECT_DOUBLE_EQ(got.batching[1].gain.low, 300.0 / 110);
  EXPECT_DOUBLE_EQ(got.batching[1].gain.high, 3.3);
  EXPECT_EQ(got.hit_share, Range(0.025, 0.05));

  Speeds speeds = read_bench_text(bench(kDecode + "," + kPrefill), "b.json");
  Settings settings;
  apply(got, speeds, settings);
  EXPECT_EQ(speeds.kinds[0].batching.size(), 2U);
  EXPECT_EQ(settings.site.hit_share, Range(0.025, 0.05));
}

TEST(Measured, HostileServerFilesAreRefused) {
  for (const char* text : {"{}", R"({"cells":3})", R"({"cells":{}})", R"({"cells":{"a/1":3}})",
                           R"({"cells":{"a/1":{"dsa":[]}}})", R"({"cells":{"a/1":{"dsa":[0]}}})",
                           R"({"cells":{"a/1":{"dsa":["x"]}}})", R"({"cells":{"a/8":{"dsa":[3]}}})"})
    EXPECT_TRUE(complaint_of([&] { read_server_text(text, "s.json"); }).starts_with("s.json")) << text;
}

}  // namespace
}  // namespace dsa::cost
