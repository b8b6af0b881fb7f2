// The sparse stage's model: it computes what the model that runs computes, its gradients are those of plain
// dense attention under a mask, and its two losses do not touch each other.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "base/rng.h"
#include "checkpoint/indexer_folder.h"
#include "model/opened_model.h"
#include "testing/copy.h"
#include "testing/golden_case.h"
#include "testing/mla_step.h"
#include "testing/torch_indexer.h"
#include "train/sparse/gqa_weights.h"
#include "train/sparse/sparse_model.h"

namespace dsa::train {
namespace {

using torch::Tensor;

/// A golden model, its indexer and everything that a step writes.
struct SparseStep {
  GoldenCase golden;
  Exec exec{2};
  FlatTensors weights, lora;
  FlatTensors gradient;
  IndexerTensors indexer_gradient;
  SparseModel model;

  explicit SparseStep(const char* name, std::int64_t lora_rank = 0, Products products = Products::f32,
                      const std::vector<std::int64_t>& topk_layers = {})
      : golden(name, 3, 12),
        weights(gqa_weights(golden.files(), exec)),
        lora(lora_rank > 0 ? lora_weights(weights, lora_rank, 5) : FlatTensors()),
        gradient((lora_rank > 0 ? lora : weights).zeros()),
        indexer_gradient(golden.indexer().shape()),
        model(golden.files().config,
              {.weights = weights,
               .trainable = lora_rank > 0 ? lora : weights,
               .gradient = gradient,
               .indexer = golden.indexer(),
               .indexer_gradient = indexer_gradient},
              {.max_context = kGoldenTokens,
               .topk = topk_layers.empty() ? kGoldenTopk : std::ranges::max(topk_layers),
               .topk_layers = topk_layers,
               .products = products},
              exec, choose_kernels()) {
    torch::set_num_threads(1);  // tests run beside each other: threads that wait for one another get nowhere
  }

  SparseModel::Losses run(const SparseModel::Request& request = {.tokens = {}}) {
    SparseModel::Request asked = request;
    asked.tokens = golden.tokens();
    return *model.run(asked, never_);
  }

 private:
  std::atomic<bool> never_ = false;
};

class SparseModelTest : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, SparseModelTest,
                         ::testing::Values("llama_gqa", "llama_tied", "llama_mqa_bias", "llama_rope_llama3",
                                           "qwen2", "qwen3"),
                         [](const auto& info) { return std::string(info.param); });

void computes_what_the_model_that_runs_does(SparseStep& step, const LoadOptions& load) {
  const auto logits = step.model.logits(step.golden.tokens());

  ModelFiles& files = step.golden.files();
  const IndexerFolder indexer = open_indexer_folder(step.golden.folder());
  files.config.indexer = indexer.config;
  set_indexer(load, files.config);
  Transformer model(files, load, choose_kernels(), step.exec, indexer.tensors.get());
  std::int64_t selections = 0;
  model.set_hooks(
      {.selection = [&](std::int64_t layer, TensorView<std::int32_t, 2> idx, std::span<std::int32_t> count) {
        const Selection& ours = step.model.selection(layer);
        for (std::int64_t t = 0; t < kGoldenTokens; ++t) {
          const auto theirs = idx.span(t).first(static_cast<std::size_t>(count[static_cast<std::size_t>(t)]));
          const auto mine = ours.row(t);
          ASSERT_TRUE(std::ranges::equal(mine, theirs)) << "layer " << layer << " row " << t;
          ++selections;
        }
      }});
  std::vector<std::int32_t> all(kGoldenTokens);
  std::iota(all.begin(), all.end(), 0);
  const std::int32_t pages[] = {0, 1};
  const SequenceSlice slice{.tokens = step.golden.tokens(),
                            .first_position = 0,
                            .page_table = pages,
                            .logits_rows = all,
                            .run = {.attention = AttentionMode::sparse}};
  SequenceStatus status;
  std::vector<float> expected(logits.size());
  model.forward({.sequences = {&slice, 1}}, {expected.data(), {kGoldenTokens, files.config.vocab_size}},
                {&status, 1});
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(selections, files.config.num_hidden_layers * kGoldenTokens);
  for (std::size_t i = 0; i < logits.size(); ++i)
    ASSERT_NEAR(logits[i], expected[i], 2e-5 * (1 + std::abs(expected[i]))) << i;
}

TEST_P(SparseModelTest, ComputesWhatTheModelThatRunsDoes) {
  SparseStep step(GetParam());
  computes_what_the_model_that_runs_does(step, {.compute = Compute::f32, .context = 128, .chunk = 128});
}

TEST(SparseModelByLayer, SelectsInEachLayerAsTheModelThatRunsDoes) {
  const std::vector<std::int64_t> layers{5, 9, 31};
  SparseStep step("llama_gqa", 0, Products::f32, layers);
  computes_what_the_model_that_runs_does(
      step, {.compute = Compute::f32, .context = 128, .chunk = 128, .topk_layers = layers});
}

/// The same model with dense attention under a mask, as a PyTorch user would write it.
class MaskedModel {
 public:
  MaskedModel(SparseStep& step, FlatTensors& weights) : step_(step), c_(step.golden.files().config) {
    for (const auto& entry : weights.entries())
      leaves_[entry.name] = tensor_of(weights.of(entry).data(), entry.shape).requires_grad_(true);
    const RopeTable index_rope(c_.rope, step.golden.indexer().shape().rope_dim, c_.max_position_embeddings);
    for (std::int64_t i = 0; i < c_.num_hidden_layers; ++i)
      indexers.emplace_back(step.golden.indexer().shape(), step.golden.indexer().layer(i), index_rope,
                            kGoldenTokens);
    const RopeTable rope(c_.rope, c_.head_dim, c_.max_position_embeddings);
    std::vector<std::int64_t> positions(kGoldenTokens);
    std::iota(positions.begin(), positions.end(), 0);
    angles_ = torch::empty({kGoldenTokens, c_.head_dim});
    rope.fill(positions, {angles_.data_ptr<float>(), {kGoldenTokens, c_.head_dim}});

    Tensor x = torch::embedding(leaf("model.embed_tokens.weight"), ids());
    for (std::int64_t i = 0; i < c_.num_hidden_layers; ++i) x = layer(i, x);
    const Tensor head = leaf(c_.tie_word_embeddings ? "model.embed_tokens.weight" : "lm_head.weight");
    logits = norm(x, leaf("model.norm.weight")).mm(head.t());
  }

  [[nodiscard]] Tensor language_loss() const {
    return torch::nn::functional::cross_entropy(logits.slice(0, 0, -1), ids().slice(0, 1));
  }
  [[nodiscard]] Tensor leaf(const std::string& name) const {
    const auto found = leaves_.find(name);
    return found == leaves_.end() ? Tensor() : found->second;
  }
  [[nodiscard]] Tensor ids() const {
    return torch::tensor(
        std::vector<std::int64_t>(step_.golden.tokens().begin(), step_.golden.tokens().end()));
  }

  std::vector<TorchIndexer> indexers;
  std::vector<Tensor> kl;
  Tensor logits;

 private:
  [[nodiscard]] Tensor norm(const Tensor& x, const Tensor& weight) const {
    return x / (x.pow(2).mean(-1, true) + c_.rms_norm_eps).sqrt() * weight;
  }
  [[nodiscard]] Tensor linear(const std::string& name, const Tensor& x) const {
    const auto y = x.mm(leaf(name + ".weight").t());
    return leaf(name + ".bias").defined() ? y + leaf(name + ".bias") : y;
  }
  [[nodiscard]] Tensor rotate(const Tensor& x) const {
    const std::int64_t half = c_.head_dim / 2;
    const auto c = angles_.slice(1, 0, half).unsqueeze(1), s = angles_.slice(1, half).unsqueeze(1);
    const auto a = x.slice(2, 0, half), b = x.slice(2, half);
    return torch::cat({a * c - b * s, a * s + b * c}, 2);
  }
  Tensor layer(std::int64_t i, const Tensor& x) {
    const std::string at = fmt::format("model.layers.{}.", i), attention = at + "self_attn.";
    const auto h = norm(x, leaf(at + "input_layernorm.weight"));
    auto q = linear(attention + "q_proj", h).view({kGoldenTokens, -1, c_.head_dim});
    auto k = linear(attention + "k_proj", h).view({kGoldenTokens, -1, c_.head_dim});
    if (c_.qk_norm) {
      q = norm(q, leaf(attention + "q_norm.weight"));
      k = norm(k, leaf(attention + "k_norm.weight"));
    }
    const auto v = linear(attention + "v_proj", h).view({kGoldenTokens, -1, c_.head_dim});
    const std::int64_t copies = c_.num_attention_heads / c_.num_key_value_heads;
    const Tensor unseen = mask(i);
    const auto p = (torch::einsum("rhd,thd->hrt", {rotate(q), rotate(k).repeat_interleave(copies, 1)}) /
                    std::sqrt(static_cast<double>(c_.head_dim)))
                       .masked_fill(unseen, -1e30)
                       .softmax(-1);
    const auto target = p.detach().sum(0) / p.detach().sum(0).sum(-1, true);
    const auto all = torch::arange(kGoldenTokens);
    const auto log_q = indexers[static_cast<std::size_t>(i)]
                           .scores(h.detach(), all)
                           .masked_fill(unseen, -1e30)
                           .log_softmax(-1);
    kl.push_back((target * (target.clamp_min(1e-30).log() - log_q)).sum(-1).mean());
    const auto out = torch::einsum("hrt,thd->rhd", {p, v.repeat_interleave(copies, 1)});
    const auto y = x + linear(attention + "o_proj", out.reshape({kGoldenTokens, -1}));
    const auto m = norm(y, leaf(at + "post_attention_layernorm.weight"));
    return y + linear(at + "mlp.down_proj",
                      torch::silu(linear(at + "mlp.gate_proj", m)) * linear(at + "mlp.up_proj", m));
  }
  // True where a row did not select.
  [[nodiscard]] Tensor mask(std::int64_t layer) const {
    auto unseen = torch::ones({kGoldenTokens, kGoldenTokens}, torch::kBool);
    for (std::int64_t t = 0; t < kGoldenTokens; ++t)
      for (const std::int32_t s : step_.model.selection(layer).row(t)) unseen[t][s] = false;
    return unseen;
  }

  SparseStep& step_;
  const ModelConfig& c_;
  std::map<std::string, Tensor> leaves_;
  Tensor angles_;
};

void expect_near(std::span<const float> mine, const Tensor& theirs, const std::string& name) {
  const auto flat = theirs.contiguous().view(-1);
  ASSERT_EQ(static_cast<std::int64_t>(mine.size()), flat.numel()) << name;
  for (std::size_t i = 0; i < mine.size(); ++i) {
    const double expected = flat[static_cast<std::int64_t>(i)].item<double>();
    ASSERT_NEAR(mine[i], expected, 1e-5 + 1e-5 * std::abs(expected)) << name << " " << i;
  }
}

TEST_P(SparseModelTest, GradientsAreThoseOfDenseAttentionUnderAMask) {
  SparseStep step(GetParam());
  const auto losses = step.run();
  MaskedModel oracle(step, step.weights);
  const Tensor lm = oracle.language_loss();
  EXPECT_NEAR(losses.language_model, lm.item<double>(), 1e-5);
  lm.backward();
  for (const TorchIndexer& indexer : oracle.indexers)
    EXPECT_FALSE(indexer.wq.grad().defined()) << "the language-model loss reaches the indexer";
  for (const auto& entry : step.gradient.entries())
    expect_near(step.gradient.of(entry), oracle.leaf(entry.name).grad(), entry.name);

  Tensor all = torch::zeros({});
  for (std::size_t i = 0; i < oracle.kl.size(); ++i) {
    EXPECT_NEAR(losses.kl[i], oracle.kl[i].item<double>(), 1e-5) << i;
    all = all + oracle.kl[i];
  }
  const Tensor before = oracle.leaf("model.norm.weight").grad().clone();
  all.backward();
  EXPECT_TRUE(before.equal(oracle.leaf("model.norm.weight").grad())) << "the KL reaches the main weights";
  for (std::int64_t i = 0; i < step.golden.files().config.num_hidden_layers; ++i) {
    const auto ours = step.indexer_gradient.layer(i);
    const TorchIndexer& theirs = oracle.indexers[static_cast<std::size_t>(i)];
    expect_near(ours.wq, theirs.wq.grad(), "wq");
    expect_near(ours.wk, theirs.wk.grad(), "wk");
    expect_near(ours.weights_proj, theirs.ww.grad(), "weights_proj");
    expect_near(ours.k_norm, theirs.norm.grad(), "k_norm");
    expect_near(ours.k_norm_bias, theirs.bias.grad(), "k_norm_bias");
  }
}

// Logits of some other model, shown in two blocks that no size divides.
class OtherModel {
 public:
  explicit OtherModel(std::int64_t vocabulary)
      : logits_(static_cast<std::size_t>(kGoldenTokens * vocabulary)), vocabulary_(vocabulary) {
    const CounterRng rng(3);
    for (std::size_t i = 0; i < logits_.size(); ++i) logits_[i] = static_cast<float>(4 * rng.unit(i));
  }
  [[nodiscard]] SparseModel::Teacher teacher() const {
    return [this](std::span<const std::int32_t>, const SequencePass::VisitLogits& visit) {
      constexpr std::int64_t kFirst = 37;
      visit(0, {logits_.data(), {kFirst, vocabulary_}});
      visit(kFirst, {logits_.data() + kFirst * vocabulary_, {kGoldenTokens - kFirst, vocabulary_}});
      return true;
    };
  }
  [[nodiscard]] Tensor tensor() const { return tensor_of(logits_.data(), {kGoldenTokens, vocabulary_}); }

 private:
  std::vector<float> logits_;
  std::int64_t vocabulary_;
};

TEST(SparseModel, LossesDoNotTouchEachOther) {
  SparseStep step("qwen3");
  const auto first = step.run();
  const auto main = test::copy(step.gradient.values()), indexer = test::copy(step.indexer_gradient.values());

  const OtherModel other(step.golden.files().config.vocab_size);
  step.run({.tokens = {}, .distill = 0.5, .teacher = other.teacher()});
  EXPECT_NE(test::copy(step.gradient.values()), main);
  EXPECT_EQ(test::copy(step.indexer_gradient.values()), indexer) << "the model's loss reaches the indexer";

  // All scores doubled: the same selections, another KL.
  for (std::int64_t i = 0; i < step.golden.indexer().shape().layers; ++i)
    for (float& w : step.golden.indexer().layer(i).weights_proj) w *= 2;
  const auto doubled = step.run();
  EXPECT_NE(doubled.kl, first.kl);
  EXPECT_EQ(test::copy(step.gradient.values()), main) << "the KL reaches the main weights";
}

TEST(SparseModel, DistillsTheTeacher) {
  constexpr double kShare = 0.3;
  SparseStep step("llama_tied");
  const OtherModel other(step.golden.files().config.vocab_size);
  const auto losses = step.run({.tokens = {}, .distill = kShare, .teacher = other.teacher()});
  MaskedModel oracle(step, step.weights);
  const auto log_p = other.tensor().log_softmax(-1).slice(0, 0, -1);
  const auto kl = (log_p.exp() * (log_p - oracle.logits.log_softmax(-1).slice(0, 0, -1))).sum(-1).mean();
  const auto cross_entropy = oracle.language_loss();
  EXPECT_NEAR(losses.distill, kl.item<double>(), 1e-5);
  EXPECT_NEAR(losses.language_model, cross_entropy.item<double>(), 1e-5);
  ((1 - kShare) * cross_entropy + kShare * kl).backward();
  for (const auto& entry : step.gradient.entries())
    expect_near(step.gradient.of(entry), oracle.leaf(entry.name).grad(), entry.name);
}

TEST(SparseModel, LoraHasTheGradientOfItsProduct) {
  SparseStep step("llama_gqa", 2);
  const CounterRng rng(8);
  for (std::size_t i = 0; i < step.lora.values().size(); ++i)
    step.lora.values()[i] = static_cast<float>(0.2 * (rng.unit(i) - 0.5));
  const auto losses = step.run();
  FlatTensors merged = step.weights;
  merge_lora(step.lora, merged, step.exec);
  MaskedModel oracle(step, merged);
  const Tensor loss = oracle.language_loss();
  EXPECT_NEAR(losses.language_model, loss.item<double>(), 1e-5);
  loss.backward();
  for (const auto& entry : merged.entries()) {
    if (!has_lora(entry)) continue;
    const auto &a = *step.lora.find(lora_a(entry.name)), &b = *step.lora.find(lora_b(entry.name));
    const Tensor dw = kLoraScale * oracle.leaf(entry.name).grad();
    expect_near(step.gradient.of(a), tensor_of(step.lora.of(b).data(), b.shape).t().mm(dw), a.name);
    expect_near(step.gradient.of(b), dw.mm(tensor_of(step.lora.of(a).data(), a.shape).t()), b.name);
  }
}

TEST(SparseModel, Bf16ProductsRoundAndNothingElse) {
  SparseStep exact("qwen2"), rounded("qwen2", 0, Products::bf16);
  const auto a = exact.run(), b = rounded.run();
  EXPECT_NEAR(a.language_model, b.language_model, 0.02 * a.language_model);
  EXPECT_NE(a.language_model, b.language_model);
  double dot = 0, squares_a = 0, squares_b = 0;
  for (std::size_t i = 0; i < exact.gradient.values().size(); ++i) {
    const auto x = static_cast<double>(exact.gradient.values()[i]);
    const auto y = static_cast<double>(rounded.gradient.values()[i]);
    dot += x * y, squares_a += x * x, squares_b += y * y;
  }
  EXPECT_GT(dot / std::sqrt(squares_a * squares_b), 0.98);
}

/// LoRA weights that add something, and a loss of single tokens.
struct SparseAnswers : SparseStep {
  std::vector<std::int32_t> trained;
  TokenLoss loss;

  explicit SparseAnswers(const char* name) : SparseStep(name, 2) {
    const CounterRng rng(8);
    for (std::size_t i = 0; i < lora.values().size(); ++i)
      lora.values()[i] = static_cast<float>(0.2 * (rng.unit(i) - 0.5));
    loss.slopes = [](std::span<const float> log_probs, std::span<float> slopes) {
      for (std::size_t i = 0; i < slopes.size(); ++i) slopes[i] = i % 3 == 0 ? 0.5F : -1.0F / (i + 1);
      ASSERT_EQ(log_probs.size(), slopes.size());
    };
  }
  SparseModel::Losses go(SparseModel::Request request) {
    loss.tokens = trained;
    request.token_loss = &loss;
    if (request.tokens.empty()) request.tokens = golden.tokens();
    return *model.run(request, never);
  }
  [[nodiscard]] std::vector<Selection> selected() const {
    std::vector<Selection> out;
    for (std::int64_t i = 0; i < golden_layers(); ++i) out.push_back(model.selection(i));
    return out;
  }
  [[nodiscard]] std::int64_t golden_layers() const { return indexer_gradient.shape().layers; }
  std::atomic<bool> never = false;
};

TEST(SparseTokenLoss, EqualSlopesAreTheMeanCrossEntropy) {
  SparseAnswers step("llama_tied");
  const auto expected = step.run();
  const auto gradient = test::copy(step.gradient.values());
  for (std::int32_t t = 1; t < kGoldenTokens; ++t) step.trained.push_back(t);
  step.loss.slopes = [](auto, std::span<float> slopes) {
    std::ranges::fill(slopes, -1.0F / static_cast<float>(slopes.size()));
  };
  const auto losses = step.go({.tokens = {}, .teacher = {}});
  EXPECT_NEAR(losses.language_model, expected.language_model, 1e-6);
  for (std::size_t i = 0; i < gradient.size(); ++i)
    ASSERT_NEAR(step.gradient.values()[i], gradient[i], 1e-5 + 1e-5 * std::abs(gradient[i]));
  for (const float g : step.indexer_gradient.values()) ASSERT_EQ(g, 0) << "the indexers are frozen";
}

TEST(SparseTokenLoss, GradientsAreTheSlopesOfTheWeighedSum) {
  SparseAnswers step("llama_gqa");
  step.trained = {5, 6, 40, 98};
  step.go({.tokens = {}, .gradients = SparseModel::Gradients::none, .teacher = {}});
  const auto chosen = step.selected();  // so that no step to the side changes them
  const std::span<const Selection> again[] = {chosen};
  step.go({.tokens = {}, .teacher = {}, .selections = again});
  const FlatTensors gradient = step.gradient;
  const auto weighed = [&] {
    const auto p =
        step.go({.tokens = {}, .gradients = SparseModel::Gradients::none, .teacher = {}, .selections = again})
            .log_probs;
    std::vector<float> slopes(p.size());
    step.loss.slopes(p, slopes);
    return std::inner_product(p.begin(), p.end(), slopes.begin(), 0.0);
  };
  for (const auto& entry : gradient.entries())
    if (entry.name.find("layers.1.") != std::string::npos)
      test::expect_slopes({.step = 2e-2, .tolerance = 0.02}, step.lora.of(entry), gradient.of(entry), weighed,
                          entry.name);
}

// Sequences beside each other, one behind a beginning that it shares, are what they are alone; their choices
// made again, or anew.
TEST(SparseTokenLoss, SequencesBesideEachOtherAreThoseAlone) {
  for (const bool dense : {false, true}) {
    SparseAnswers step("qwen3");
    const auto all = step.golden.tokens();
    const std::vector<std::int32_t> stem(all.begin(), all.begin() + 40),
        other(all.begin() + 50, all.begin() + 75);
    std::vector<std::int32_t> branch(stem.begin(), stem.begin() + 30);
    branch.insert(branch.end(), all.begin() + 80, all.begin() + 95);
    std::vector<float> expected;
    std::vector<std::vector<Selection>> chosen;
    const auto alone = [&](const std::vector<std::int32_t>& tokens, std::vector<std::int32_t> trained) {
      step.trained = std::move(trained);
      const float slope = expected.empty() ? 1.0F : -0.5F;
      step.loss.slopes = [=](auto, std::span<float> slopes) { std::ranges::fill(slopes, slope); };
      const auto p =
          step.go({.tokens = tokens,
                   .gradients = expected.empty() ? SparseModel::Gradients::all : SparseModel::Gradients::more,
                   .teacher = {},
                   .dense = dense})
              .log_probs;
      expected.insert(expected.end(), p.begin(), p.end());
      chosen.push_back(step.selected());
    };
    alone(stem, {31, 39});
    alone(branch, {30, 31, 44});
    alone(other, {1, 24});
    const auto gradient = test::copy(step.gradient.values());

    std::vector<std::int32_t> joined = stem;
    joined.insert(joined.end(), branch.begin() + 30, branch.end());
    joined.insert(joined.end(), other.begin(), other.end());
    const SequencePart parts[] = {{.rows = 40}, {.rows = 15, .of = 0, .shared = 30}, {.rows = 25}};
    step.trained = {31, 39, 40, 41, 54, 56, 79};
    step.loss.slopes = [](auto, std::span<float> slopes) {
      for (std::size_t i = 0; i < slopes.size(); ++i) slopes[i] = i < 2 ? 1.0F : -0.5F;
    };
    const std::vector<std::span<const Selection>> then(chosen.begin(), chosen.end());
    for (const bool again : {false, true}) {
      SparseModel::Request request{.tokens = joined, .teacher = {}, .parts = parts, .dense = dense};
      if (again) request.selections = then;
      const auto p = step.go(request).log_probs;
      ASSERT_EQ(p.size(), expected.size());
      for (std::size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(p[i], expected[i], 2e-6) << i << dense << again;
      for (std::size_t i = 0; i < gradient.size(); ++i)
        ASSERT_NEAR(step.gradient.values()[i], gradient[i], 1e-5 + 1e-5 * std::abs(gradient[i])) << again;
    }
  }
}

}  // namespace
}  // namespace dsa::train
