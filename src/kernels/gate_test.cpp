#include <set>

#include "testing/families.h"

namespace dsa {
namespace {

class GateTest : public test::PerFamily {
 protected:
  struct Routed {
    std::vector<std::int32_t> ids;
    std::vector<float> weights;
  };
  struct Options {
    std::int64_t groups = 1;
    std::int64_t topk_groups = 1;
    std::int64_t topk = 1;
    bool norm_topk = true;
    float route_scale = 1;
  };
  /// One token.
  static Routed route(std::vector<float> logits, const std::vector<float>& bias, const Options& o) {
    Exec exec(1);
    Routed out{std::vector<std::int32_t>(static_cast<std::size_t>(o.topk)),
               std::vector<float>(static_cast<std::size_t>(o.topk))};
    kernels().gate(exec, {.logits = {logits.data(), {1, static_cast<std::int64_t>(logits.size())}},
                          .bias = bias,
                          .groups = o.groups,
                          .topk_groups = o.topk_groups,
                          .topk = o.topk,
                          .norm_topk = o.norm_topk,
                          .route_scale = o.route_scale,
                          .ids = {out.ids.data(), {1, o.topk}},
                          .weights = {out.weights.data(), {1, o.topk}}});
    return out;
  }
};

using Ids = std::vector<std::int32_t>;

/// logit(s): the logit whose sigmoid is s.
float logit(double s) { return static_cast<float>(std::log(s / (1 - s))); }

TEST_P(GateTest, PlainTopkInDescendingOrder) {
  const auto out = route({logit(0.2), logit(0.8), logit(0.4), logit(0.6)}, {},
                         {.topk = 3, .norm_topk = false, .route_scale = 2.5F});
  EXPECT_EQ(out.ids, (Ids{1, 3, 2}));
  EXPECT_NEAR(out.weights[0], 2.0, 1e-6);
  EXPECT_NEAR(out.weights[1], 1.5, 1e-6);
  EXPECT_NEAR(out.weights[2], 1.0, 1e-6);
}

TEST_P(GateTest, NormalisesTheChosen) {
  const auto out = route({logit(0.2), logit(0.8), logit(0.4), logit(0.6)}, {},
                         {.topk = 2, .norm_topk = true, .route_scale = 7});
  EXPECT_EQ(out.ids, (Ids{1, 3}));
  EXPECT_NEAR(out.weights[0], 7 * 0.8 / 1.4, 1e-6);
  EXPECT_NEAR(out.weights[1], 7 * 0.6 / 1.4, 1e-6);
}

TEST_P(GateTest, BiasOnlySelects) {
  const auto out = route({logit(0.2), logit(0.8), logit(0.4), logit(0.6)}, {0.7F, 0, 0, 0},
                         {.topk = 2, .norm_topk = false});
  EXPECT_EQ(out.ids, (Ids{0, 1}));  // c = 0.9, 0.8
  EXPECT_NEAR(out.weights[0], 0.2, 1e-6);
  EXPECT_NEAR(out.weights[1], 0.8, 1e-6);
}

TEST_P(GateTest, GroupsAreScoredByTheirTwoBest) {
  // Group sums: 0.9 + 0.1, 0.6 + 0.6, 0.5 + 0.45.  The best expert of all lies in a group that loses.
  const std::vector<float> logits{logit(0.9), logit(0.1), logit(0.05), logit(0.6), logit(0.6),
                                  logit(0.2), logit(0.5), logit(0.45), logit(0.5)};
  const auto one = route(logits, {}, {.groups = 3, .topk_groups = 1, .topk = 2, .norm_topk = false});
  EXPECT_EQ(one.ids, (Ids{3, 4}));
  const auto two = route(logits, {}, {.groups = 3, .topk_groups = 2, .topk = 3, .norm_topk = false});
  EXPECT_EQ(two.ids, (Ids{0, 3, 4}));  // group 0 and group 2 tie at 1.0: the lower stays
}

TEST_P(GateTest, MaskedGroupsLoseToNegativeChoices) {
  // All of the kept group's c are negative; a mask of 0 in place of -inf would pick from the other group.
  const std::vector<float> logits{logit(0.5), logit(0.4), logit(0.3), logit(0.2)};
  const auto out =
      route(logits, {-1, -1, -2, -2}, {.groups = 2, .topk_groups = 1, .topk = 2, .norm_topk = false});
  EXPECT_EQ(out.ids, (Ids{0, 1}));
  EXPECT_NEAR(out.weights[0], 0.5, 1e-6);
  EXPECT_NEAR(out.weights[1], 0.4, 1e-6);
}

TEST_P(GateTest, TiesGoToTheLowerIndex) {
  const auto flat =
      route(std::vector<float>(16, 0.25F), {}, {.groups = 4, .topk_groups = 2, .topk = 5, .norm_topk = true});
  EXPECT_EQ(flat.ids, (Ids{0, 1, 2, 3, 4}));
  for (const float w : flat.weights) EXPECT_NEAR(w, 0.2, 1e-6);
}

TEST_P(GateTest, GroupsOfOne) {
  const auto out = route({logit(0.2), logit(0.8), logit(0.4)}, {},
                         {.groups = 3, .topk_groups = 2, .topk = 2, .norm_topk = false});
  EXPECT_EQ(out.ids, (Ids{1, 2}));
}

TEST_P(GateTest, NaNSortsLastAndReachesTheWeights) {
  const auto avoided = route({test::kNaN, -5, -6, test::kNaN}, {}, {.topk = 2, .norm_topk = false});
  EXPECT_EQ(avoided.ids, (Ids{1, 2}));
  const auto forced = route({test::kNaN, -5, -6, test::kNaN}, {}, {.topk = 3, .norm_topk = false});
  EXPECT_EQ(forced.ids, (Ids{1, 2, 0}));
  EXPECT_TRUE(std::isnan(forced.weights[2]));
  const auto normed = route({test::kNaN, test::kNaN}, {}, {.topk = 1, .norm_topk = true});
  EXPECT_EQ(normed.ids, (Ids{0}));
  EXPECT_TRUE(std::isnan(normed.weights[0]));
}

TEST_P(GateTest, InfiniteAndVanishingLogits) {
  const auto out = route({test::kInf, -test::kInf, 0}, {}, {.topk = 3, .norm_topk = true});
  EXPECT_EQ(out.ids, (Ids{0, 2, 1}));
  EXPECT_NEAR(out.weights[0], 1 / 1.5, 1e-6);
  EXPECT_EQ(out.weights[2], 0.0F);
  const auto none = route({-test::kInf, -test::kInf}, {}, {.topk = 1, .norm_topk = true});
  EXPECT_EQ(none.weights[0], 0.0F);  // 0 / 1e-20, not 0 / 0
}

/// The definition with sorting, for V3's own sizes.
std::set<std::int32_t> by_sorting(const std::vector<double>& choice, std::int64_t groups,
                                  std::int64_t topk_groups, std::int64_t topk) {
  const auto per_group = static_cast<std::int64_t>(choice.size()) / groups;
  std::vector<std::pair<double, std::int64_t>> scored;
  for (std::int64_t g = 0; g < groups; ++g) {
    std::vector<double> c(choice.begin() + g * per_group, choice.begin() + (g + 1) * per_group);
    std::sort(c.rbegin(), c.rend());
    scored.emplace_back(-(c[0] + c[1]), g);
  }
  std::sort(scored.begin(), scored.end());
  std::vector<std::pair<double, std::int32_t>> experts;
  for (std::int64_t k = 0; k < topk_groups; ++k)
    for (std::int64_t e = scored[k].second * per_group; e < (scored[k].second + 1) * per_group; ++e)
      experts.emplace_back(-choice[e], static_cast<std::int32_t>(e));
  std::sort(experts.begin(), experts.end());
  std::set<std::int32_t> out;
  for (std::int64_t k = 0; k < topk; ++k) out.insert(experts[k].second);
  return out;
}

TEST_P(GateTest, V3SizesAgainstSorting) {
  constexpr std::int64_t kRows = 33;
  test::Padded<2> logits({kRows, 256});
  test::Padded<1> bias({256});
  logits.fill(1, 2.0F);
  bias.fill(2, 0.1F);
  std::vector<std::int32_t> ids(kRows * 8);
  test::Padded<2> weights({kRows, 8});
  Exec exec(2);
  kernels().gate(exec, {.logits = logits.view(),
                        .bias = bias.view().span(),
                        .groups = 8,
                        .topk_groups = 4,
                        .topk = 8,
                        .route_scale = 2.5F,
                        .ids = {ids.data(), {kRows, 8}},
                        .weights = weights.view()});
  EXPECT_TRUE(weights.gaps_untouched());
  for (std::int64_t t = 0; t < kRows; ++t) {
    std::vector<double> choice;
    double total = 0;
    for (std::int64_t e = 0; e < 256; ++e)
      choice.push_back(1 / (1 + std::exp(-static_cast<double>(logits.view()(t, e)))) + bias.view().data()[e]);
    const std::set<std::int32_t> got(ids.begin() + t * 8, ids.begin() + (t + 1) * 8);
    EXPECT_EQ(got, by_sorting(choice, 8, 4, 8)) << "row " << t;
    for (std::int64_t k = 0; k < 8; ++k) {
      total += weights.view()(t, k);
      if (k > 0) {
        EXPECT_GE(choice[ids[t * 8 + k - 1]], choice[ids[t * 8 + k]] - 1e-6);
      }
    }
    EXPECT_NEAR(total, 2.5, 1e-5);
  }
}

TEST_P(GateTest, RowsAreIndependent) {
  test::Padded<2> logits({17, 64});
  logits.fill(3, 2.0F);
  logits.view()(4, 7) = test::kNaN;
  test::expect_rows_independent(17, [&](Exec& exec, std::int64_t first, std::int64_t count) {
    std::vector<std::int32_t> ids(static_cast<std::size_t>(count * 6));
    test::Padded<2> weights({count, 6});
    kernels().gate(exec, {.logits = logits.view().slice(first, count),
                          .bias = {},
                          .groups = 4,
                          .topk_groups = 2,
                          .topk = 6,
                          .ids = {ids.data(), {count, 6}},
                          .weights = weights.view()});
    auto out = weights.values();
    out.insert(out.end(), ids.begin(), ids.end());
    // Interleave by row so that chunks join to the whole.
    std::vector<float> joined;
    for (std::int64_t t = 0; t < count; ++t) {
      joined.insert(joined.end(), out.begin() + t * 6, out.begin() + (t + 1) * 6);
      joined.insert(joined.end(), out.begin() + (count + t) * 6, out.begin() + (count + t + 1) * 6);
    }
    return joined;
  });
}

TEST_P(GateTest, PairsAreSortedByExpertThenToken) {
  constexpr std::int64_t kExperts = 6, kTopk = 3;
  for (const std::int64_t n : test::kBatchSizes) {
    std::vector<std::int32_t> ids;
    for (std::int64_t t = 0; t < n; ++t)  // expert 4 is never asked
      for (const std::int64_t slot : {2, 0, 1}) ids.push_back(static_cast<std::int32_t>((5 * t + slot) % 4));
    test::Padded<2> weights({n, kTopk});
    weights.fill(1);
    std::vector<std::int32_t> start(kExperts + 1, -9), rows(ids.size(), -9);
    std::vector<float> scale(ids.size());
    Exec exec(2);
    kernels().sort_by_expert(exec, {.ids = {ids.data(), {n, kTopk}},
                                    .weights = weights.view(),
                                    .start = start,
                                    .rows = rows,
                                    .scale = scale});
    std::vector<std::int32_t> expected_start{0}, expected_rows;
    std::vector<float> expected_scale;
    for (std::int32_t e = 0; e < kExperts; ++e) {
      for (std::int64_t t = 0; t < n; ++t)
        for (std::int64_t slot = 0; slot < kTopk; ++slot)
          if (ids[static_cast<std::size_t>(t * kTopk + slot)] == e) {
            expected_rows.push_back(static_cast<std::int32_t>(t));
            expected_scale.push_back(weights.view()(t, slot));
          }
      expected_start.push_back(static_cast<std::int32_t>(expected_rows.size()));
    }
    EXPECT_EQ(start, expected_start);
    EXPECT_EQ(rows, expected_rows);
    EXPECT_TRUE(test::same_bits(scale, expected_scale));
  }
}

DSA_FOR_EACH_FAMILY(GateTest);

}  // namespace
}  // namespace dsa
