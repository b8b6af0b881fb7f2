// A loss of single tokens' log-probabilities: what answers are trained on with.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <numeric>

#include "testing/mla_step.h"
#include "train/torch/token_head_torch.h"

namespace dsa::train {
namespace {

using test::kContext;
using test::MlaStep;
using test::SmallStep;

// Some tokens of both sequences, each with a slope of its own.
constexpr std::int32_t kTokens[] = {3, 4, 10, 12, 13, 18};
constexpr float kSlopes[] = {0.5F, -0.25F, 1.5F, -0.75F, 0.125F, -1.0F};

struct Answers : SmallStep {
  MlaModel::TokenLoss loss{.tokens = kTokens, .kept = {}, .slopes = [](auto, std::span<float> slopes) {
                             std::ranges::copy(kSlopes, slopes.begin());
                           }};
  MlaModel::Request request{.tokens = tokens, .context = kContext, .token_loss = &loss};

  MlaModel::Losses go(MlaModel::Gradients gradients = MlaModel::Gradients::all) {
    request.gradients = gradients;
    return MlaStep::run(request);
  }
  [[nodiscard]] double weighed() {
    const auto p = go(MlaModel::Gradients::none).log_probs;
    double sum = 0;
    for (std::size_t i = 0; i < p.size(); ++i)
      sum += static_cast<double>(kSlopes[i]) * static_cast<double>(p[i]);
    return sum;
  }
};

TEST(TokenLoss, GradientsAreTheSlopesOfTheWeighedSum) {
  for (const StageKind stage : {StageKind::dense, StageKind::sparse}) {
    Answers step;
    step.request.stage = stage;
    step.go();
    const FlatTensors gradient = step.gradient;
    for (const auto& entry : gradient.entries()) {
      const bool of_the_module = entry.name.starts_with("model.layers.2.");
      if (entry.name.ends_with("e_score_correction_bias") || of_the_module) continue;
      test::expect_slopes(
          {.step = 2e-3, .tolerance = 0.01}, step.weights.of(entry), gradient.of(entry),
          [&] { return step.weighed(); }, entry.name);
    }
  }
}

TEST(TokenLoss, EqualSlopesAreTheMeanCrossEntropy) {
  SmallStep plain(/*mtp=*/0);
  const auto expected = plain.run(StageKind::sparse);
  Answers step;
  std::vector<std::int32_t> all;
  for (std::int32_t t = 0; t < static_cast<std::int32_t>(step.tokens.size()); ++t)
    if (t % kContext != 0) all.push_back(t);
  step.loss.tokens = all;
  step.loss.slopes = [&](auto, std::span<float> slopes) {
    std::ranges::fill(slopes, -1.0F / static_cast<float>(all.size()));
  };
  step.request.stage = StageKind::sparse;
  const auto losses = step.go();
  EXPECT_NEAR(losses.language_model, expected.language_model, 1e-6);
  for (std::size_t i = 0; i < plain.gradient.values().size(); ++i)
    ASSERT_NEAR(step.gradient.values()[i], plain.gradient.values()[i], 1e-6)
        << step.gradient.at(static_cast<std::int64_t>(i)).name;
  EXPECT_EQ(test::copy(step.indexer_gradient.values()), test::copy(plain.indexer_gradient.values()));
}

TEST(TokenLoss, ABatchMayComeInParts) {
  Answers step;
  step.request.stage = StageKind::sparse;
  step.request.frozen_indexers = true;
  step.go();
  const auto whole = test::copy(step.gradient.values());
  const auto tokens = step.tokens;
  for (std::int32_t b = 0; b < 2; ++b) {
    std::vector<std::int32_t> own;
    for (const std::int32_t t : kTokens)
      if (t / kContext == b) own.push_back(t % static_cast<std::int32_t>(kContext));
    const std::size_t first = b == 0 ? 0 : std::size(kTokens) - own.size();
    step.request.tokens = std::span(tokens).subspan(static_cast<std::size_t>(b * kContext), kContext);
    step.loss.tokens = own;
    step.loss.slopes = [&](auto, std::span<float> slopes) {
      std::ranges::copy(std::span(kSlopes).subspan(first, own.size()), slopes.begin());
    };
    step.go(b == 0 ? MlaModel::Gradients::all : MlaModel::Gradients::more);
  }
  for (std::size_t i = 0; i < whole.size(); ++i) ASSERT_NEAR(step.gradient.values()[i], whole[i], 1e-5);
  for (const float g : step.indexer_gradient.values()) ASSERT_EQ(g, 0) << "frozen";
}

// Three sequences: the second begins as the first does, the third as the second, in what they are trained on,
// too.  The same once with the beginnings in each, once with all of it there once.
TEST(TokenLoss, WhatSequencesShareIsThereOnce) {
  struct Sequence {
    SequencePart part;
    std::vector<std::int32_t> tokens, trained;  // trained: places in it
  };
  for (const StageKind stage : {StageKind::dense, StageKind::sparse}) {
    Answers step;
    step.request.stage = stage;
    step.request.context = 0;
    step.request.frozen_indexers = true;
    const auto drawn = step.tokens;
    const auto behind = [&](const std::vector<std::int32_t>& tokens, std::ptrdiff_t shared,
                            std::ptrdiff_t from, std::ptrdiff_t count) {
      std::vector<std::int32_t> out(tokens.begin(), tokens.begin() + shared);
      out.insert(out.end(), drawn.begin() + from, drawn.begin() + from + count);
      return out;
    };
    const auto a = behind({}, 0, 0, 11), b = behind(a, 6, 12, 4), c = behind(b, 8, 18, 2);
    const Sequence sequences[] = {{{.rows = 11}, a, {6, 10}},
                                  {{.rows = 4, .of = 0, .shared = 6}, b, {6, 9}},
                                  {{.rows = 2, .of = 1, .shared = 8}, c, {6, 9}}};
    const auto compute = [&](bool share) {
      std::vector<std::int32_t> tokens, trained;
      std::vector<SequencePart> parts;
      for (const Sequence& s : sequences) {
        parts.push_back(share ? s.part : SequencePart{.rows = std::ssize(s.tokens)});
        tokens.insert(tokens.end(), s.tokens.begin() + parts.back().shared, s.tokens.end());
      }
      const JoinedRows rows(parts);
      for (std::size_t p = 0; p < parts.size(); ++p)
        for (const std::int32_t t : sequences[p].trained)
          trained.push_back(static_cast<std::int32_t>(rows.row(static_cast<std::int64_t>(p), t)));
      step.loss.tokens = trained;
      step.request.tokens = tokens;
      step.request.parts = parts;
      return step.go().log_probs;
    };
    const auto apart = compute(false);
    const auto gradient = test::copy(step.gradient.values());
    const auto joined = compute(true);
    ASSERT_EQ(joined.size(), std::size(kSlopes));
    for (std::size_t i = 0; i < apart.size(); ++i) EXPECT_NEAR(joined[i], apart[i], 2e-6) << name(stage) << i;
    for (std::size_t i = 0; i < gradient.size(); ++i)
      ASSERT_NEAR(step.gradient.values()[i], gradient[i], 1e-5) << name(stage) << i;
  }
}

TEST(TokenLoss, WhatWasChosenIsChosenAgain) {
  Answers step;
  step.request.stage = StageKind::sparse;
  step.request.frozen_indexers = true;
  const auto own = step.go(MlaModel::Gradients::none).log_probs;
  std::vector<Selection> chosen;  // of sequence 0
  for (std::int64_t layer = 0; layer < 2; ++layer) chosen.push_back(step.model.selection(layer));
  const MlaModel::Replay replay{.selections = {{chosen.data()}, {&chosen[1]}}};
  step.request.replay = &replay;
  EXPECT_EQ(step.go(MlaModel::Gradients::none).log_probs, own);

  // Every row but the first four selects the first four tokens.
  Selection& first = chosen[0];
  for (std::size_t t = 4; t < first.count.size(); ++t)
    for (std::size_t i = 0; i < 4; ++i) first.idx[t * 4 + i] = static_cast<std::int32_t>(i);
  const auto other = step.go(MlaModel::Gradients::none).log_probs;
  EXPECT_EQ(other[0], own[0]) << "token 3 comes before";
  EXPECT_NE(other[2], own[2]);
  EXPECT_EQ(other[3], own[3]) << "the second sequence";

  // Experts: all rows to the same two.
  step.request.replay = nullptr;
  MlaModel::Replay experts;
  experts.experts.resize(3);
  for (std::size_t row = 0; row < step.tokens.size(); ++row)
    experts.experts[1].insert(experts.experts[1].end(), {1, 3});
  step.request.replay = &experts;
  const auto losses = step.go(MlaModel::Gradients::none);
  EXPECT_EQ(losses.expert_load[1], (std::vector<std::int64_t>{0, 22, 0, 22}));
}

// The head against libtorch's own softmax, with all ids and with some.
TEST(TokenHead, IsWhatAutogradSays) {
  torch::manual_seed(3);
  const auto hidden = torch::randn({4, 6}).requires_grad_(true);
  auto weight = torch::randn({9, 6}).requires_grad_(true);
  weight.mutable_grad() = torch::zeros({9, 6});
  const std::int32_t next[] = {0, 8, 3, 3};
  const std::vector<std::vector<std::int32_t>> kept{{}, {1, 8}, {3, 4, 5}, {3}};
  const float slopes[] = {1, -2, 0.5F, 3};
  TokenHead head(hidden.detach(), weight, next, kept, Products::f32);
  const auto log_probs = head.log_probs();
  const auto d_hidden = head.backward(slopes);
  const auto d_weight = weight.grad().clone();

  weight.mutable_grad() = torch::zeros({9, 6});
  torch::Tensor sum = torch::zeros({});
  for (std::int64_t i = 0; i < 4; ++i) {
    const auto& ids = kept[static_cast<std::size_t>(i)];
    auto logits = weight.mv(hidden.select(0, i));
    const auto own = logits.select(0, next[i]);
    if (!ids.empty())
      logits = logits.index_select(0, torch::tensor(std::vector<std::int64_t>(ids.begin(), ids.end())));
    const auto log_prob = own - logits.logsumexp(0);
    EXPECT_NEAR(log_probs[static_cast<std::size_t>(i)], log_prob.item<float>(), 1e-5);
    sum = sum + log_prob * slopes[i];
  }
  sum.backward();
  EXPECT_LT((hidden.grad() - d_hidden).abs().max().item<float>(), 1e-5);
  EXPECT_LT((weight.grad() - d_weight).abs().max().item<float>(), 1e-5);
  EXPECT_GT(d_weight.abs().max().item<float>(), 0.1);
}

}  // namespace
}  // namespace dsa::train
