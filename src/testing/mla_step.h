// Small models of DeepSeek-V3.2's architecture in training, and slopes to check gradients against.
#pragma once

#include <gtest/gtest.h>
#include <torch/utils.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "checkpoint/config_json.h"
#include "testing/copy.h"
#include "train/pretrain/mla_model.h"
#include "train/pretrain/mla_weights.h"

namespace dsa::test {

using train::FlatTensors;
using train::IndexerTensors;
using train::MlaModel;
using train::StageKind;

/// A model and everything that a step writes.
struct MlaStep {
  ModelConfig config;
  Exec exec{2};
  FlatTensors weights, gradient;
  IndexerTensors indexer, indexer_gradient;
  MlaModel model;
  std::atomic<bool> never = false;

  MlaStep(ModelConfig of, const MlaModel::Options& options)
      : config(std::move(of)),
        weights(train::mla_weights(config)),
        gradient(weights.zeros()),
        indexer(train::mla_indexer_shape(config)),
        indexer_gradient(indexer.shape()),
        model(config,
              {.weights = weights,
               .gradient = gradient,
               .indexer = indexer,
               .indexer_gradient = indexer_gradient},
              options, exec, choose_kernels()) {
    torch::set_num_threads(1);  // tests run beside each other
  }

  MlaModel::Losses run(const MlaModel::Request& request) { return *model.run(request, never); }
};

// As small as a model of this kind can be: one dense layer, one with experts,
// one that predicts the token after the next.
inline constexpr const char* kSmall = R"({"model_type": "deepseek_v32", "vocab_size": 29, "hidden_size": 12,
  "intermediate_size": 10, "moe_intermediate_size": 6, "num_hidden_layers": 2, "first_k_dense_replace": 1,
  "num_attention_heads": 2, "q_lora_rank": 8, "kv_lora_rank": 6, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4,
  "v_head_dim": 3, "index_n_heads": 2, "index_head_dim": 6, "index_topk": 4, "n_routed_experts": 4,
  "n_shared_experts": 1, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "norm_topk_prob": true,
  "routed_scaling_factor": 1.5, "num_nextn_predict_layers": 1, "max_position_embeddings": 64,
  "rope_theta": 100})";
inline constexpr std::int64_t kBatch = 2, kContext = 11;

struct SmallStep : MlaStep {
  std::vector<std::int32_t> tokens;

  explicit SmallStep(double mtp = 0.5)
      : MlaStep(parse_hf_config(kSmall, "small").config, {.max_context = kContext, .mtp = mtp}) {
    const CounterRng rng(5);
    for (std::uint64_t i = 0; i < kBatch * kContext; ++i)
      tokens.push_back(static_cast<std::int32_t>(rng.at(i) % 29));
    // Larger than a training begins with: every gradient is then well above rounding.
    for (const auto& entry : weights.entries()) {
      const auto values = weights.of(entry);
      const CounterRng draws(6, static_cast<std::uint64_t>(entry.first));
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double draw = 2 * draws.unit(i) - 1;
        const bool router = entry.name.ends_with("e_score_correction_bias");  // every expert gets some tokens
        values[i] = static_cast<float>(entry.name.ends_with("norm.weight") ? 1 + 0.3 * draw
                                                                           : (router ? 0.05 : 0.6) * draw);
      }
    }
    for (std::size_t i = 0; i < indexer.values().size(); ++i)
      indexer.values()[i] = static_cast<float>(0.8 * (2 * rng.unit(1000 + i) - 1));
  }
  MlaModel::Losses run(StageKind stage, MlaModel::Gradients gradients = MlaModel::Gradients::all) {
    return MlaStep::run({.tokens = tokens, .context = kContext, .stage = stage, .gradients = gradients});
  }
  [[nodiscard]] double main_loss(StageKind stage, double mtp = 0.5) {
    const auto losses = run(stage, MlaModel::Gradients::none);
    return losses.language_model + mtp * losses.mtp;
  }
  [[nodiscard]] double index_loss(StageKind stage) {
    double sum = 0;
    for (const auto& layer : run(stage, MlaModel::Gradients::none).indexers) sum += layer.kl;
    return sum;
  }
};

// The slope of `loss` along a direction, from both sides, against gradient . direction; two directions a
// tensor: that of the gradient itself, where it shows best, and one drawn.
struct Slope {
  double step;
  double tolerance;  // of the gradient's norm
};
template <class Loss>
void expect_slopes(const Slope& slope, std::span<float> values, std::span<const float> gradient, Loss&& loss,
                   const std::string& name) {
  const auto before = copy(values);
  double squares = 0;
  for (const float g : gradient) squares += static_cast<double>(g) * static_cast<double>(g);
  ASSERT_GT(squares, 0) << name << ": has no gradient";
  const CounterRng rng(9);
  for (const bool drawn : {false, true}) {
    std::vector<double> direction;
    double norm = 0, expected = 0;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      direction.push_back(drawn ? 2 * rng.unit(i) - 1 : static_cast<double>(gradient[i]));
      norm += direction.back() * direction.back();
    }
    norm = std::sqrt(norm);
    double sides[2];
    for (int side = 0; side < 2; ++side) {
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] =
            before[i] + static_cast<float>((side == 0 ? slope.step : -slope.step) * direction[i] / norm);
      sides[side] = loss();
    }
    for (std::size_t i = 0; i < gradient.size(); ++i)
      expected += static_cast<double>(gradient[i]) * direction[i] / norm;
    std::ranges::copy(before, values.begin());
    EXPECT_NEAR((sides[0] - sides[1]) / (2 * slope.step), expected,
                6e-7 / slope.step + slope.tolerance * std::sqrt(squares))
        << name << drawn;
  }
}

}  // namespace dsa::test
