#include "model/attention_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace dsa {
namespace {

constexpr std::int64_t kLayers = 3;
const LayerTopk& by_layer() {
  static const LayerTopk layers({4, 40, 16});
  return layers;
}

/// What row `t` of the batch does in the layer that was entered: how many tokens it selects, 0 where it
/// attends to everything.
std::int64_t topk_of_row(const AttentionPlan& plan, std::int64_t t) {
  for (const RowGroup& group : plan.attending())
    if (t >= group.first && t < group.first + group.count) return group.topk;
  ADD_FAILURE() << "row " << t << " is in no group";
  return -1;
}

bool indexer_sees(const AttentionPlan& plan, std::int64_t t) {
  return std::ranges::any_of(plan.selecting(), [&](const RowGroup& group) {
    return t >= group.first && t < group.first + group.count;
  });
}

TEST(AttentionPlan, EachRowOfEachLayerDoesWhatTheRuleSaysOfItAlone) {
  const std::vector<SelectionRule> rules{
      {},
      {.attention = AttentionMode::dense, .topk = 20, .layers = &by_layer()},
      {.attention = AttentionMode::sparse, .topk = 20, .trained_context = 30, .layers = &by_layer()},
      {.topk = 20, .trained_context = 30, .layers = &by_layer()},
      {.topk = 7, .layers = &by_layer()},
      {.topk = 20, .trained_context = 30},
      {.attention = AttentionMode::sparse, .topk = 20}};
  const std::vector<std::int32_t> tokens(64, 1);
  AttentionPlan plan;
  plan.reserve(1000);
  for (const std::int64_t first : {0, 3, 15, 16, 25, 29, 39, 40, 500}) {
    plan.clear();
    struct Row {
      const SelectionRule* rule;
      std::int64_t visible;
    };
    std::vector<Row> rows;
    for (const SelectionRule& rule : rules)
      for (const std::size_t count : {1, 0, 37}) {
        const auto n = static_cast<std::int64_t>(count);
        const AttentionCounters told = plan.add({.tokens = std::span(tokens).first(count),
                                                 .first_position = first,
                                                 .page_table = {},
                                                 .logits_rows = {}},
                                                rule, kLayers);
        EXPECT_EQ(told.sparse_rows + told.dense_rows, n * kLayers);
        for (std::int64_t t = 0; t < n; ++t) rows.push_back({&rule, first + t + 1});
      }
    for (std::int64_t layer = 0; layer < kLayers; ++layer) {
      plan.enter(layer);
      for (std::size_t t = 0; t < rows.size(); ++t) {
        const auto& [rule, visible] = rows[t];
        SelectionRule here = *rule;  // as if all layers were like this one
        here.topk = rule->topk_of(layer);
        here.layers = nullptr;
        const auto row = static_cast<std::int64_t>(t);
        EXPECT_EQ(topk_of_row(plan, row), here.selects(visible) ? here.topk : 0) << "row " << t;
        if (!here.selects(visible)) continue;
        EXPECT_TRUE(indexer_sees(plan, row));
        EXPECT_TRUE(rule->selects(visible)) << "a row that selects anywhere";
      }
    }
  }
}

TEST(AttentionPlan, RowsThatAreKeptDoWhatTheyDid) {
  const std::vector<std::int32_t> tokens(50, 1);
  AttentionPlan plan;
  plan.reserve(150);
  for (const SelectionRule& rule :
       {SelectionRule{.topk = 20, .layers = &by_layer()}, SelectionRule{}, {.topk = 7}})
    static_cast<void>(plan.add({.tokens = tokens, .first_position = 3, .page_table = {}, .logits_rows = {}},
                               rule, kLayers));
  plan.enter(1);
  const std::vector<std::int32_t> kept{0, 35, 36, 37, 38, 49, 50, 99, 103, 104, 149};
  std::vector<std::int64_t> before;
  std::vector<bool> seen;
  for (const auto row : kept) {
    before.push_back(topk_of_row(plan, row));
    seen.push_back(indexer_sees(plan, row));
  }
  plan.keep(kept);
  std::int64_t rows = 0;
  for (const RowGroup& group : plan.attending()) rows += group.count;
  EXPECT_EQ(rows, std::ssize(kept));
  for (std::size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(topk_of_row(plan, kept[i]), before[i]) << "row " << kept[i];
    EXPECT_EQ(indexer_sees(plan, kept[i]), seen[i]) << "row " << kept[i];
  }
  EXPECT_FALSE(indexer_sees(plan, 105));
  plan.keep({});
  EXPECT_TRUE(plan.attending().empty());
}

TEST(AttentionPlan, RowsAreCountedOverAllLayers) {
  const std::vector<std::int32_t> tokens(50, 1);
  AttentionPlan plan;
  plan.reserve(50);
  const AttentionCounters told =
      plan.add({.tokens = tokens, .first_position = 0, .page_table = {}, .logits_rows = {}},
               {.topk = 20, .layers = &by_layer()}, kLayers);
  EXPECT_EQ(told.sparse_rows, 46 + 10 + 34);
  EXPECT_EQ(told.dense_rows, 4 + 40 + 16);
}

TEST(SelectionRule, RowsAreAlikeWhereTheySelectTheSameInEveryLayer) {
  const LayerTopk same({4, 40, 16}), other({4, 16, 40});
  const SelectionRule rule{.topk = 20, .layers = &by_layer()}, equal{.topk = 20, .layers = &same},
      divided{.topk = 20, .layers = &other}, uniform{.topk = 20};
  EXPECT_TRUE(alike(rule, equal, 100));
  EXPECT_FALSE(alike(rule, divided, 100));
  EXPECT_FALSE(alike(rule, uniform, 100));
  EXPECT_TRUE(alike(rule, divided, 4)) << "nobody selects yet";
}

}  // namespace
}  // namespace dsa
