// For tests: one layer of a small random model, and the indexer's loss as its definition says, in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "train/warmup/indexer_loss.h"

namespace dsa::train {

/// Sizes that no panel, block or vector divides.
struct CaseSizes {
  std::int64_t context = 61;
  std::int64_t hidden = 21;
  std::int64_t attention_heads = 6;
  std::int64_t groups = 2;
  std::int64_t attention_dim = 10;
  IndexerShape shape{.layers = 1, .hidden = 21, .heads = 3, .dim = 10, .rope_dim = 4};
};

class LayerCase {
 public:
  explicit LayerCase(const CaseSizes& sizes, std::uint64_t seed = 1)
      : sizes_(sizes),
        parameters_(sizes.shape),
        rope_({.theta = 100}, sizes.shape.rope_dim, 512),
        h_(random(sizes.context * sizes.hidden, seed, 1)),
        q_(random(sizes.context * sizes.attention_heads * sizes.attention_dim, seed + 1, 1.5)),
        k_(random(sizes.context * sizes.groups * sizes.attention_dim, seed + 2, 1.5)),
        kv_rows_(static_cast<std::size_t>(sizes.context)) {
    const auto values = random(sizes.shape.size(), seed + 3, 0.4);
    std::ranges::copy(values, parameters_.values().begin());
    for (std::size_t t = 0; t < kv_rows_.size(); ++t) kv_rows_[t].visible = static_cast<std::int64_t>(t) + 1;
  }

  [[nodiscard]] AttentionInputs inputs() const {
    const auto& s = sizes_;
    return {.h = {h_.data(), {s.context, s.hidden}},
            .q_c = {},
            .q_pe = {q_.data(), {s.context, s.attention_heads, s.attention_dim}},
            .c = {},
            .k_pe = {k_.data(), {s.context, s.groups, s.attention_dim}},
            .scale = 1 / std::sqrt(static_cast<float>(s.attention_dim)),
            .rows = kv_rows_,
            .index_q = {},
            .index_w = {}};
  }
  [[nodiscard]] const CaseSizes& sizes() const { return sizes_; }
  [[nodiscard]] IndexerTensors& parameters() { return parameters_; }
  [[nodiscard]] const RopeTable& rope() const { return rope_; }
  [[nodiscard]] IndexerLoss::Sizes loss_sizes(std::int64_t rows) const {
    return {.attention_heads = sizes_.attention_heads,
            .attention_groups = sizes_.groups,
            .attention_dim = sizes_.attention_dim,
            .max_context = sizes_.context,
            .max_rows = rows};
  }

  /// The distribution that row t's scores are to follow, over positions 0 .. t.
  [[nodiscard]] std::vector<double> target(std::int64_t t, TargetMix mix) const {
    const AttentionInputs in = inputs();
    std::vector<double> sum(static_cast<std::size_t>(t + 1)), largest(sum.size());
    for (std::int64_t h = 0; h < sizes_.attention_heads; ++h) {
      std::vector<double> p(sum.size());
      double total = 0;
      for (std::int64_t s = 0; s <= t; ++s) {
        double dot = 0;
        for (std::int64_t d = 0; d < sizes_.attention_dim; ++d)
          dot += static_cast<double>(in.q_pe(t, h, d)) *
                 static_cast<double>(in.k_pe(s, h / (sizes_.attention_heads / sizes_.groups), d));
        total += p[static_cast<std::size_t>(s)] = std::exp(dot * static_cast<double>(in.scale));
      }
      for (std::size_t s = 0; s < p.size(); ++s) {
        sum[s] += p[s] / total / static_cast<double>(sizes_.attention_heads);
        largest[s] = std::max(largest[s], p[s] / total);
      }
    }
    double norm = 0;
    for (const double p : largest) norm += p;
    const auto share = static_cast<double>(mix.sum_share);
    for (std::size_t s = 0; s < sum.size(); ++s) sum[s] = share * sum[s] + (1 - share) * largest[s] / norm;
    return sum;
  }

  /// Row t's index scores for positions 0 .. t, from weights in double.
  [[nodiscard]] std::vector<double> scores(const std::vector<double>& weights, std::int64_t t) const {
    const IndexerShape& shape = sizes_.shape;
    const double* wq = weights.data();
    const double* wk = wq + shape.heads * shape.dim * shape.hidden;
    const double* ww = wk + shape.dim * shape.hidden;
    const double* norm = ww + shape.heads * shape.hidden;
    std::vector<double> out;
    std::vector<std::vector<double>> q;
    for (std::int64_t j = 0; j < shape.heads; ++j) {
      q.push_back(project(wq + j * shape.dim * shape.hidden, shape.dim, t));
      rotate(q.back(), t);
    }
    const auto w = project(ww, shape.heads, t);
    for (std::int64_t s = 0; s <= t; ++s) {
      auto k = project(wk, shape.dim, s);
      double mean = 0, variance = 0;
      for (const double x : k) mean += x / static_cast<double>(shape.dim);
      for (const double x : k) variance += (x - mean) * (x - mean) / static_cast<double>(shape.dim);
      for (std::int64_t d = 0; d < shape.dim; ++d) {
        auto& x = k[static_cast<std::size_t>(d)];
        x = (x - mean) / std::sqrt(variance + shape.k_norm_eps) * norm[d] + norm[shape.dim + d];
      }
      rotate(k, s);
      double score = 0;
      for (std::size_t j = 0; j < q.size(); ++j) {
        double dot = 0;
        for (std::size_t d = 0; d < k.size(); ++d) dot += q[j][d] * k[d];
        score += w[j] * std::max(0.0, dot);
      }
      out.push_back(score / std::sqrt(static_cast<double>(shape.heads * shape.dim)));
    }
    return out;
  }

  /// Mean over `rows` of KL(target || softmax(scores)).
  [[nodiscard]] double loss(const std::vector<double>& weights, std::span<const std::int32_t> rows,
                            TargetMix mix) const {
    double all = 0;
    for (const std::int32_t t : rows) {
      const auto p = target(t, mix), score = scores(weights, t);
      const double top = *std::ranges::max_element(score);
      double total = 0;
      for (const double x : score) total += std::exp(x - top);
      for (std::size_t s = 0; s < p.size(); ++s)
        all += p[s] * (std::log(p[s]) - (score[s] - top - std::log(total)));
    }
    return all / static_cast<double>(rows.size());
  }

  [[nodiscard]] std::vector<double> weights() {
    return {parameters_.values().begin(), parameters_.values().end()};
  }

 private:
  static std::vector<float> random(std::int64_t count, std::uint64_t seed, double size) {
    const CounterRng rng(seed);
    std::vector<float> out(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<float>(size * 2 * (rng.unit(2 * i) + rng.unit(2 * i + 1) - 1));
    return out;
  }
  [[nodiscard]] std::vector<double> project(const double* weight, std::int64_t outputs,
                                            std::int64_t t) const {
    std::vector<double> y(static_cast<std::size_t>(outputs));
    for (std::int64_t o = 0; o < outputs; ++o)
      for (std::int64_t i = 0; i < sizes_.hidden; ++i)
        y[static_cast<std::size_t>(o)] +=
            weight[o * sizes_.hidden + i] *
            static_cast<double>(h_[static_cast<std::size_t>(t * sizes_.hidden + i)]);
    return y;
  }
  void rotate(std::vector<double>& x, std::int64_t position) const {
    const auto half = static_cast<std::size_t>(sizes_.shape.rope_dim / 2);
    for (std::size_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(position) * static_cast<double>(rope_.frequencies()[i]);
      const double a = x[i], b = x[half + i];
      x[i] = a * std::cos(angle) - b * std::sin(angle);
      x[half + i] = a * std::sin(angle) + b * std::cos(angle);
    }
  }

  CaseSizes sizes_;
  IndexerTensors parameters_;
  RopeTable rope_;
  std::vector<float> h_, q_, k_;
  std::vector<KvRow> kv_rows_;
};

}  // namespace dsa::train
