#include "model/validate.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace dsa {
namespace {

constexpr BatchLimits kLimits{.rows = 100, .vocabulary = 50, .context = 200, .pages = 8, .topk = 16};

const std::vector<std::int32_t> kTokens(40, 7);
const std::array<std::int32_t, 2> kPages{0, 1}, kOtherPages{2, 3};

SequenceSlice slice() {
  return {
      .tokens = std::span(kTokens).first(10), .first_position = 60, .page_table = kPages, .logits_rows = {}};
}

std::vector<Refusal> refusals(const std::vector<SequenceSlice>& slices, BatchLimits limits = kLimits) {
  std::vector<SequenceStatus> status(slices.size());
  BatchCheck check(limits);
  std::vector<Refusal> out;
  for (int round = 0; round < 2; ++round) {  // an earlier batch is forgotten
    check({.sequences = slices}, status);
    out.clear();
    for (const auto& s : status) {
      EXPECT_EQ(s.outcome == PassOutcome::refused, s.refusal != Refusal::none);
      out.push_back(s.refusal);
    }
  }
  return out;
}

TEST(BatchCheck, EachFaultIsNamedAndStaysWithItsSequence) {
  const std::array<std::int32_t, 3> high{1, 50, 2}, low{1, -1, 2};
  const std::array<std::int32_t, 2> missing{0, 8}, negative{-1, 0};
  const std::array<std::int32_t, 2> descending{3, 2}, twice{3, 3}, beyond{3, 10}, below{-1, 3};
  struct Case {
    Refusal why;
    void (*damage)(SequenceSlice&);
  };
  static const auto* tables = new std::array<std::span<const std::int32_t>, 8>{
      high, low, missing, negative, descending, twice, beyond, below};
  const Case cases[] = {
      {Refusal::none, [](SequenceSlice&) {}},
      {Refusal::token, [](SequenceSlice& s) { s.tokens = (*tables)[0]; }},
      {Refusal::token, [](SequenceSlice& s) { s.tokens = (*tables)[1]; }},
      {Refusal::position, [](SequenceSlice& s) { s.first_position = -1; }},
      {Refusal::position, [](SequenceSlice& s) { s.first_position = 191; }},
      {Refusal::position, [](SequenceSlice& s) { s.first_position = INT64_MAX; }},
      {Refusal::page_table, [](SequenceSlice& s) { s.page_table = s.page_table.first(1); }},
      {Refusal::page_table, [](SequenceSlice& s) { s.page_table = (*tables)[2]; }},
      {Refusal::page_table, [](SequenceSlice& s) { s.page_table = (*tables)[3]; }},
      {Refusal::logits_rows, [](SequenceSlice& s) { s.logits_rows = (*tables)[4]; }},
      {Refusal::logits_rows, [](SequenceSlice& s) { s.logits_rows = (*tables)[5]; }},
      {Refusal::logits_rows, [](SequenceSlice& s) { s.logits_rows = (*tables)[6]; }},
      {Refusal::logits_rows, [](SequenceSlice& s) { s.logits_rows = (*tables)[7]; }},
      {Refusal::topk, [](SequenceSlice& s) { s.run.topk = 17; }},
      {Refusal::topk, [](SequenceSlice& s) { s.run.topk = -1; }},
      {Refusal::too_many_rows,
       [](SequenceSlice& s) {
         static const std::vector<std::int32_t> many(101, 1);
         s.tokens = many;
         s.first_position = 0;
       }},
  };
  SequenceSlice other = slice();
  other.page_table = kOtherPages;
  for (const Case& c : cases) {
    SequenceSlice damaged = slice();
    c.damage(damaged);
    EXPECT_EQ(refusals({damaged, other}), (std::vector{c.why, Refusal::none})) << static_cast<int>(c.why);
    EXPECT_EQ(refusals({other, damaged}), (std::vector{Refusal::none, c.why})) << static_cast<int>(c.why);
  }
}

TEST(BatchCheck, WithoutAnIndexerNothingIsSelected) {
  BatchLimits dense = kLimits;
  dense.topk = 0;
  SequenceSlice sparse = slice();
  sparse.run.attention = AttentionMode::sparse;
  EXPECT_EQ(refusals({sparse}, dense), std::vector{Refusal::no_indexer});
  EXPECT_EQ(refusals({sparse}), std::vector{Refusal::none});
}

TEST(BatchCheck, RowsThatDoNotFitAreTheLaterOnes) {
  std::array<std::array<std::int32_t, 1>, 4> pages{{{0}, {1}, {2}, {3}}};
  std::vector<SequenceSlice> slices;
  for (const auto& page : pages)
    slices.push_back({.tokens = kTokens, .first_position = 0, .page_table = page, .logits_rows = {}});
  slices[3].tokens = slices[3].tokens.first(20);
  EXPECT_EQ(refusals(slices),
            (std::vector{Refusal::none, Refusal::none, Refusal::too_many_rows, Refusal::none}));
}

TEST(BatchCheck, APageIsWrittenByOneAndThenReadByNoOther) {
  const std::array<std::int32_t, 2> prefix_and_own{0, 5}, prefix_and_other{0, 6}, writes_the_prefix{4, 0};
  const auto with = [](std::span<const std::int32_t> pages) {
    SequenceSlice s = slice();
    s.first_position = 64;
    s.page_table = pages;
    return s;
  };
  // Reading the same prefix is what prefixes are for.
  EXPECT_EQ(refusals({with(prefix_and_own), with(prefix_and_other)}),
            (std::vector{Refusal::none, Refusal::none}));
  EXPECT_EQ(refusals({with(prefix_and_own), with(writes_the_prefix)}),
            (std::vector{Refusal::none, Refusal::shared_page}));
  EXPECT_EQ(refusals({with(writes_the_prefix), with(prefix_and_own)}),
            (std::vector{Refusal::none, Refusal::shared_page}));
  EXPECT_EQ(refusals({slice(), slice()}), (std::vector{Refusal::none, Refusal::shared_page}));
  const std::array<std::int32_t, 2> same{1, 1};
  EXPECT_EQ(refusals({with(same)}), std::vector{Refusal::shared_page});
}

}  // namespace
}  // namespace dsa
