#include "cost/validate.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace dsa::cost {
namespace {

// On a machine that reads 1 GB/s: `weights` GB in all, of the cache `attention` GB, of the keys `scores` GB.
std::string row(std::string_view attention, int depth, double weights, double entries, double keys,
                double seconds) {
  const auto part = [](double gb) {
    return fmt::format(R"({{"bytes":{},"fp32_ops":0,"bf16_ops":0,"int8_ops":0}})", gb * 1e9);
  };
  return fmt::format(R"({{"attention":"{}","depth":{},"phase":"decode","tokens":1,"tok_s":{},)"
                     R"("cost":{{"weights":{},"experts":{},"head":{},"attention":{},"scores":{}}}}})",
                     attention, depth, 1 / seconds, part(weights), part(0), part(0), part(entries),
                     part(keys));
}
std::string bench_of(const std::string& rows) {
  return R"({"machine":{"read_gb_s":1,"fp32_gflop_s":1,"bf16_gflop_s":1,"int8_gop_s":1},"rows":[)" + rows +
         "]}";
}

// Products reach a half of the ceiling, attention a quarter, to selected entries an eighth, scores all of it.
double seconds(double weights, double entries, double keys) {
  return 2 * weights + (keys > 0 ? 8 : 4) * entries + keys;
}
std::string true_row(std::string_view attention, int depth, double weights, double entries, double keys) {
  return row(attention, depth, weights, entries, keys, seconds(weights, entries, keys));
}
const std::string kRows = true_row("dense", 0, 1, 0, 0) + "," + true_row("dense", 100, 1, 1, 0) + "," +
                          true_row("dense", 200, 1, 2, 0) + "," + true_row("sparse", 100, 1.2, 0.5, 0.5) +
                          "," + true_row("sparse", 200, 1.2, 0.5, 1) + "," +
                          true_row("sparse", 400, 1.2, 0.7, 2);

TEST(Validate, FindsWhatTheOtherRowsImply) {
  const auto rows = validate_text(bench_of(kRows), "b.json");
  ASSERT_EQ(rows.size(), 6U);
  for (const ValidatedRow& row : rows) EXPECT_NEAR(row.ratio(), 1, 1e-9) << row.attention << row.depth;
  EXPECT_DOUBLE_EQ(rows[2].measured_s, 10);
  EXPECT_LT(worst(rows), 1e-9);
}

TEST(Validate, ARowThatIsNotWhatItsWorkImpliesStandsOut) {
  const auto rows =
      validate_text(bench_of(kRows + "," + row("dense", 400, 1, 4, 0, 2 * seconds(1, 4, 0))), "b.json");
  EXPECT_NEAR(rows.back().ratio(), 0.5, 1e-9);
  EXPECT_GE(worst(rows), 0.5 - 1e-9);
}

TEST(Validate, RowsOfSeveralSequencesAreLeftOut) {
  std::string four = row("dense", 300, 1, 9, 0, 1);
  four.insert(1, R"("sequences":4,)");
  const auto rows = validate_text(bench_of(four + "," + kRows), "b.json");
  EXPECT_EQ(rows.size(), 6U);
  EXPECT_LT(worst(rows), 1e-9);
}

TEST(Validate, NoPartTakesLessThanItsLeastTime) {
  // Twice as much to read takes no longer: no share above 1 is made of that.
  const auto rows = validate_text(bench_of(row("dense", 0, 1, 0, 0, 1) + "," + row("dense", 9, 1, 1, 0, 1) +
                                           "," + row("dense", 99, 1, 2, 0, 1)),
                                  "b.json");
  EXPECT_GE(rows[2].predicted_s, 3);
}

TEST(Validate, APartThatNoOtherRowHasReachesWhatProductsDo) {
  const auto rows = validate_text(bench_of(true_row("dense", 0, 1, 0, 0) + "," +
                                           true_row("dense", 1, 2, 0, 0) + "," + row("dense", 9, 1, 3, 0, 8)),
                                  "b.json");
  EXPECT_NEAR(rows[2].predicted_s, 8, 1e-9);
}

TEST(Validate, HostileFilesAreRefused) {
  const std::string no_cost = R"({"attention":"dense","depth":0,"phase":"decode","tokens":1,"tok_s":1})";
  for (const std::string& text :
       {std::string("{}"), std::string("["), bench_of(""), bench_of("1"), bench_of(no_cost),
        bench_of(true_row("dense", 0, 1, 0, 0)), bench_of(row("dense", 0, -1, 0, 0, 1)),
        bench_of(row("dense", 0, 1, 0, 0, 1e30))})
    try {
      validate_text(text, "b.json");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with("b.json")) << error.what();
    }
}

}  // namespace
}  // namespace dsa::cost
