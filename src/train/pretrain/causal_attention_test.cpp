// Attention by blocks of scores against attention that gathers (selected_attention.h), which has its own test
// against the definition.
#include "train/pretrain/causal_attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "testing/runnable_rows.h"

namespace dsa::train {
namespace {

// Sizes that no block, panel or vector divides; the scores' width is not the values'.
constexpr std::int64_t kTokens = 150, kHeads = 3, kDim = 14, kValueDim = 10, kTopk = 7;

// [tokens, heads, kValueDim] in rows of kDim, zeros behind.
std::vector<float> widened(const std::vector<float>& values) {
  std::vector<float> out(static_cast<std::size_t>(kTokens * kHeads * kDim));
  for (std::int64_t r = 0; r < kTokens * kHeads; ++r)
    std::copy_n(values.begin() + r * kValueDim, kValueDim, out.begin() + r * kDim);
  return out;
}

// At most `topk` tokens a row: itself, and others spread over what is before it.
Selection selection(std::int64_t topk) {
  Selection out{.topk = topk,
                .idx = std::vector<std::int32_t>(static_cast<std::size_t>(kTokens * topk), -1),
                .count = {}};
  for (std::int64_t t = 0; t < kTokens; ++t) {
    const std::int64_t count = std::min(t + 1, topk);
    out.count.push_back(static_cast<std::int32_t>(count));
    for (std::int64_t i = 0; i < count; ++i)
      out.idx[static_cast<std::size_t>(t * topk + i)] =
          static_cast<std::int32_t>((i + 1) * (t + 1) / count - 1);
  }
  return out;
}

struct Result {
  std::vector<float> out, mean, dq, dk, dv;
  bool operator==(const Result&) const = default;
};

TensorView<float, 3> view(std::vector<float>& data, std::int64_t dim) {
  return {data.data(), {kTokens, kHeads, dim}};
}

struct Case {
  std::vector<float> q = test::random(kTokens * kHeads * kDim, 1),
                     k = test::random(kTokens * kHeads * kDim, 2),
                     v = test::random(kTokens * kHeads * kValueDim, 3),
                     d_out = test::random(kTokens * kHeads * kValueDim, 4);

  template <class Attention>
  Result run(Attention& attention, auto&& selected, std::vector<float> values, std::vector<float> d,
             std::int64_t dim, std::int64_t width) {
    Result r{.out = std::vector<float>(values.size(), NAN),
             .mean = std::vector<float>(static_cast<std::size_t>(kTokens * width)),
             .dq = std::vector<float>(q.size(), NAN),
             .dk = std::vector<float>(k.size(), NAN),
             .dv = std::vector<float>(values.size(), NAN)};
    const AttentionTensors in{.q = view(q, kDim), .k = view(k, kDim), .v = view(values, dim)};
    attention.forward(in, selected, view(r.out, dim), {r.mean.data(), {kTokens, width}});
    attention.backward(in, selected, view(d, dim),
                       {.q = view(r.dq, kDim), .k = view(r.dk, kDim), .v = view(r.dv, dim)});
    return r;
  }
  Result by_blocks(const RowKernels& kernels, int threads, const Selection* selected, std::int64_t width) {
    Exec exec(threads);
    CausalAttention attention({.heads = kHeads,
                               .qk_dim = kDim,
                               .v_dim = kValueDim,
                               .max_context = kTokens + 3,
                               .scale = 1 / std::sqrt(static_cast<float>(kDim))},
                              exec, kernels);
    return run(attention, selected, v, d_out, kValueDim, width);
  }
  Result by_gathering(const RowKernels& kernels, const Selection& selected) {
    Exec exec(1);
    SelectedAttention attention(
        {.heads = kHeads, .groups = kHeads, .dim = kDim, .max_context = kTokens, .topk = selected.topk}, exec,
        kernels);
    return run(attention, selected, widened(v), widened(d_out), kDim, selected.topk);
  }
};

void expect_near(const std::vector<float>& mine, const std::vector<float>& theirs, const char* what) {
  ASSERT_EQ(mine.size(), theirs.size()) << what;
  for (std::size_t i = 0; i < mine.size(); ++i)
    ASSERT_NEAR(mine[i], theirs[i], 2e-5 * (1 + std::abs(theirs[i]))) << what << i;
}

void expect_same(const Result& mine, const Result& theirs) {
  expect_near(widened(mine.out), theirs.out, "out ");
  expect_near(mine.mean, theirs.mean, "mean ");
  expect_near(mine.dq, theirs.dq, "dq ");
  expect_near(mine.dk, theirs.dk, "dk ");
  expect_near(widened(mine.dv), theirs.dv, "dv ");
}

class CausalAttentionTest : public ::testing::TestWithParam<const RowKernels*> {};
INSTANTIATE_TEST_SUITE_P(, CausalAttentionTest, ::testing::ValuesIn(test::runnable_rows()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST_P(CausalAttentionTest, OverASelectionIsGathering) {
  Case c;
  const Selection selected = selection(kTopk);
  expect_same(c.by_blocks(*GetParam(), 2, &selected, kTopk), c.by_gathering(*GetParam(), selected));
}

TEST_P(CausalAttentionTest, OverEverythingIsGatheringEverything) {
  Case c;
  expect_same(c.by_blocks(*GetParam(), 2, nullptr, kTokens), c.by_gathering(*GetParam(), selection(kTokens)));
}

// The last rows alone give their own rows' bits, and what gradients they pass on is that of a loss of theirs.
TEST_P(CausalAttentionTest, QueriesMayBeOfTheLastPositionsAlone) {
  const Selection some = selection(kTopk);
  for (const Selection* selected : {static_cast<const Selection*>(nullptr), &some})
    for (const std::int64_t rows : {1, 37, 64, 149}) {
      const std::int64_t first = kTokens - rows;
      Case c;
      std::fill_n(c.d_out.begin(), first * kHeads * kValueDim, 0.0F);
      const Result whole = c.by_blocks(*GetParam(), 2, selected, selected != nullptr ? kTopk : kTokens);
      Exec exec(2);
      CausalAttention attention({.heads = kHeads,
                                 .qk_dim = kDim,
                                 .v_dim = kValueDim,
                                 .max_context = kTokens,
                                 .scale = 1 / std::sqrt(static_cast<float>(kDim))},
                                exec, *GetParam());
      const auto last = [&](std::vector<float>& data, std::int64_t dim) {
        return view(data, dim).slice(first, rows);
      };
      Result tail{.out = std::vector<float>(whole.out.size()),
                  .mean = {},
                  .dq = std::vector<float>(whole.dq.size()),
                  .dk = std::vector<float>(whole.dk.size(), NAN),
                  .dv = std::vector<float>(whole.dv.size(), NAN)};
      const AttentionTensors in{.q = last(c.q, kDim), .k = view(c.k, kDim), .v = view(c.v, kValueDim)};
      attention.forward(in, selected, last(tail.out, kValueDim), {});
      attention.backward(in, selected, last(c.d_out, kValueDim),
                         {.q = last(tail.dq, kDim), .k = view(tail.dk, kDim), .v = view(tail.dv, kValueDim)});
      for (std::int64_t i = first * kHeads * kValueDim; i < std::ssize(whole.out); ++i)
        ASSERT_EQ(tail.out[static_cast<std::size_t>(i)], whole.out[static_cast<std::size_t>(i)])
            << rows << " rows, " << i;
      expect_near(tail.dq, whole.dq, "dq ");
      expect_near(tail.dk, whole.dk, "dk ");
      expect_near(tail.dv, whole.dv, "dv ");
    }
}

TEST_P(CausalAttentionTest, DoesNotDependOnThreads) {
  Case c;
  const Selection selected = selection(kTopk);
  EXPECT_EQ(c.by_blocks(*GetParam(), 1, &selected, kTopk), c.by_blocks(*GetParam(), 3, &selected, kTopk));
  EXPECT_EQ(c.by_blocks(*GetParam(), 1, nullptr, kTokens), c.by_blocks(*GetParam(), 3, nullptr, kTokens));
}

}  // namespace
}  // namespace dsa::train
