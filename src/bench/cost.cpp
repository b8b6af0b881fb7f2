#include "bench/cost.h"

#include <algorithm>
#include <array>
#include <utility>

#include "model/transformer.h"

namespace dsa {
namespace {

// Adds up the weights one after the other: rows = tokens that go through a weight.
class WeightCost {
 public:
  WeightCost(const Transformer& model, Compute compute) : model_(model), compute_(compute) {}

  [[nodiscard]] Cost layer(const LayerWeights& w, std::int64_t rows) {
    cost_ = {};
    if (w.gqa)
      for (const auto* l : {&w.gqa->q_proj, &w.gqa->k_proj, &w.gqa->v_proj}) add(*l, rows);
    if (w.mla)
      for (const auto* l : {&w.mla->q_proj, &w.mla->q_a_proj, &w.mla->q_b_proj, &w.mla->kv_a_proj_with_mqa,
                            &w.mla->kv_b_proj})
        add(*l, rows);
    add(w.o_proj, rows);
    if (w.indexer)
      for (const auto* l : {&w.indexer->wq, &w.indexer->wk, &w.indexer->weights_proj}) add(*l, rows);
    if (w.mlp) mlp(*w.mlp, rows, 1);
    if (w.moe) moe(*w.moe, rows);
    return cost_;
  }
  [[nodiscard]] Cost linear(const Linear& l, std::int64_t rows) {
    cost_ = {};
    add(l, rows);
    return cost_;
  }

 private:
  // `times` matrices of this shape are read, and `rows` rows in all go through them.
  void add(const Linear& l, std::int64_t rows, double times = 1) {
    const WeightView& w = l.weight;
    if (w.empty()) return;
    const std::size_t packed = w.packed != nullptr ? model_.kernels().packed_bytes(w) : 0;
    cost_.bytes +=
        times * static_cast<double>(packed > 0 ? packed : w.row_bytes * static_cast<std::size_t>(w.rows));
    ops(w.type) += 2 * static_cast<double>(rows) * static_cast<double>(w.rows) * static_cast<double>(w.cols);
  }
  double& ops(DType type) {
    if (compute_ == Compute::f32 || type == DType::f32) return cost_.fp32_ops;
    return is_quantized_block(type) ? cost_.int8_ops : cost_.bf16_ops;
  }
  void mlp(const MlpWeights& w, std::int64_t rows, double times) {
    for (const auto* l : {&w.gate_proj, &w.up_proj, &w.down_proj}) add(*l, rows, times);
  }
  void moe(const MoeWeights& w, std::int64_t rows) {
    add(w.gate, rows);
    const std::int64_t chosen = rows * model_.config().moe->num_experts_per_tok;
    const auto used = std::min<std::int64_t>(chosen, static_cast<std::int64_t>(w.experts.size()));
    mlp(w.experts.front(), chosen, static_cast<double>(used));
    if (w.shared_experts) mlp(*w.shared_experts, rows, 1);
  }

  const Transformer& model_;
  Compute compute_;
  Cost cost_;
};

// Attention and indexer of one layer for the rows of one chunk.
Cost attention_cost(const ModelConfig& config, const KvLayout& layout, Compute compute, std::int64_t topk,
                    std::int64_t first, std::int64_t rows) {
  double attended = 0, scored = 0;
  for (std::int64_t t = 0; t < rows; ++t) {
    const std::int64_t visible = first + t + 1;
    const bool selects = topk > 0 && visible > topk;
    attended += static_cast<double>(selects ? topk : visible);
    if (selects) scored += static_cast<double>(visible);
  }
  const std::int64_t visible = first + rows;
  const auto entry =
      static_cast<double>(layout.entry_elements()) * static_cast<double>(layout.element_bytes());
  const double keys = static_cast<double>(layout.token_bytes()) - entry;
  const std::int64_t score_dim = config.mla ? layout.rank + layout.rope_dim : layout.rope_dim;
  Cost cost;
  cost.bytes = entry * static_cast<double>(topk > 0 ? std::min(topk, visible) : visible) +
               (scored > 0 ? keys * static_cast<double>(visible) : 0);
  (compute == Compute::f32 ? cost.fp32_ops : cost.bf16_ops) +=
      2 * attended * static_cast<double>(config.num_attention_heads * (score_dim + layout.rank));
  if (config.indexer && layout.index_dim > 0)
    (compute == Compute::f32 ? cost.fp32_ops : cost.int8_ops) +=
        2 * scored * static_cast<double>(config.indexer->n_heads * config.indexer->head_dim);
  return cost;
}

}  // namespace

Cost& Cost::operator+=(const Cost& other) {
  bytes += other.bytes;
  fp32_ops += other.fp32_ops;
  bf16_ops += other.bf16_ops;
  int8_ops += other.int8_ops;
  return *this;
}

Cost forward_cost(const Transformer& model, std::int64_t topk, const Pass& pass) {
  const Compute compute = model.compute();
  const ModelWeights& weights = model.weights();
  WeightCost of(model, compute);
  Cost total;
  for (std::int64_t done = 0; done < pass.tokens; done += pass.chunk) {
    const std::int64_t rows = std::min(pass.chunk, pass.tokens - done);
    for (std::size_t i = 0; i < weights.layers.size(); ++i) {
      total += of.layer(weights.layers[i], rows);
      total += attention_cost(model.config(), model.cache().layer(static_cast<std::int64_t>(i)).layout,
                              compute, topk, pass.first + done, rows);
    }
    if (pass.logits == Logits::of_every_chunk || done + rows == pass.tokens)
      total += of.linear(weights.lm_head, 1);
  }
  return total;
}

std::string_view name(Resource resource) {
  constexpr std::array<std::string_view, 4> kNames{"read", "fp32", "bf16", "int8"};
  return kNames[static_cast<std::size_t>(resource)];
}

LeastTime least_time(const Cost& cost, const Machine& machine) {
  const double read = cost.bytes / machine.read_gb_s;
  const std::array arithmetic{std::pair{cost.fp32_ops / machine.fp32_gflop_s, Resource::fp32},
                              std::pair{cost.bf16_ops / machine.bf16_gflop_s, Resource::bf16},
                              std::pair{cost.int8_ops / machine.int8_gop_s, Resource::int8}};
  double sum = 0;
  for (const auto& [time, resource] : arithmetic) sum += time;
  if (read >= sum) return {read / 1e9, Resource::read};
  return {sum / 1e9, std::ranges::max(arithmetic).second};
}

}  // namespace dsa
