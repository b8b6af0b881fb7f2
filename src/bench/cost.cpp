#include "bench/cost.h"

#include <algorithm>
#include <array>
#include <utility>

namespace dsa {
namespace {

double& ops_of(Cost& cost, Compute compute, DType type) {
  if (compute == Compute::f32 || type == DType::f32) return cost.fp32_ops;
  return is_quantized_block(type) ? cost.int8_ops : cost.bf16_ops;
}

// `times` matrices of this shape are read, and `rows` rows in all go through them.
void add(Cost& cost, Compute compute, const MatrixShape& m, double rows, double times = 1) {
  cost.bytes += times * m.bytes;
  ops_of(cost, compute, m.type) += 2 * rows * static_cast<double>(m.rows) * static_cast<double>(m.cols);
}

void add_layer(PassCost& cost, const ModelShape& model, const LayerShape& layer, std::int64_t rows) {
  for (const MatrixShape& m : layer.matrices) add(cost.weights, model.compute, m, static_cast<double>(rows));
  const std::int64_t chosen = rows * model.experts_chosen, used = std::min(chosen, model.experts);
  for (const MatrixShape& m : layer.expert)
    add(cost.experts, model.compute, m, static_cast<double>(chosen), static_cast<double>(used));
}

// a + (a + 1) + ... + b, 0 if there are none.
double sum(std::int64_t a, std::int64_t b) {
  return a > b ? 0 : static_cast<double>(b - a + 1) * static_cast<double>(a + b) / 2;
}

// Attention and indexer of one layer for the rows of one chunk.
void add_attention(PassCost& cost, const ModelShape& model, const KvLayout& layout, std::int64_t topk,
                   std::int64_t first, const Pass& pass, std::int64_t rows) {
  const std::int64_t visible = first + rows;
  const std::int64_t whole = topk > 0 ? std::clamp(topk, first, visible) : visible;  // rows up to it see all
  const auto times = static_cast<double>(pass.sequences);
  const double attended =
      times * (sum(first + 1, whole) + static_cast<double>(topk) * static_cast<double>(visible - whole));
  const double scored = times * sum(whole + 1, visible);
  const auto entry =
      static_cast<double>(layout.entry_elements()) * static_cast<double>(layout.element_bytes());
  const double keys = static_cast<double>(layout.token_bytes()) - entry;
  const std::int64_t shared = pass.sequences > 1 ? pass.shared : 0;
  const double positions = static_cast<double>(shared) + times * static_cast<double>(visible - shared);
  // Where they share, all may select the same.
  const double selected = static_cast<double>(topk) * (shared > 0 ? 1 : times);
  cost.attention.bytes += entry * (topk > 0 && topk < visible ? selected : positions);
  if (scored > 0) cost.scores.bytes += keys * positions;
  ops_of(cost.attention, model.compute, DType::bf16) +=
      2 * attended * static_cast<double>(model.heads * (model.score_dim + layout.rank));
  if (layout.index_dim > 0)
    (model.compute == Compute::f32 ? cost.scores.fp32_ops : cost.scores.int8_ops) +=
        2 * scored * static_cast<double>(model.index_elements);
}

}  // namespace

Cost& Cost::operator+=(const Cost& other) {
  bytes += other.bytes;
  fp32_ops += other.fp32_ops;
  bf16_ops += other.bf16_ops;
  int8_ops += other.int8_ops;
  return *this;
}

Cost PassCost::total() const {
  Cost all = weights;
  for (const Cost& part : {experts, head, attention, scores}) all += part;
  return all;
}

PassCost pass_cost(const ModelShape& model, std::int64_t topk, const Pass& pass) {
  PassCost total;
  for (std::int64_t done = 0; done < pass.tokens; done += pass.chunk) {
    const std::int64_t rows = std::min(pass.chunk, pass.tokens - done);
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
      const std::int64_t selected = topk > 0 ? model.layer_topk.of(static_cast<std::int64_t>(i), topk) : 0;
      add_layer(total, model, model.layers[i], rows * pass.sequences);
      add_attention(total, model, model.layers[i].cache, selected, pass.first + done, pass, rows);
    }
    if (pass.logits == Logits::of_every_chunk || done + rows == pass.tokens)
      add(total.head, model.compute, model.head, static_cast<double>(pass.sequences));
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
