#include "train/warmup/indexer_loss.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/numeric.h"
#include "kernels/indexer.h"
#include "kernels/rows/partial_sums.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kBlockRows = 24;      // sampled rows that share a pass over the keys
constexpr std::int64_t kBackwardTile = 256;  // tokens whose products stay in the first-level cache
constexpr std::int64_t kPartials =
    32;  // key gradients summed apart: fixed, so that sums never depend on threads

}  // namespace

// Consecutive sampled rows, and where their work goes.
struct IndexerLoss::Block {
  const LossRequest& request;
  Scratch& scratch;
  std::int64_t first = 0;   // of the rows
  std::int64_t count = 0;   // at most kBlockRows
  std::int64_t tokens = 0;  // that the last of them sees, in whole panels
  float grad_scale = 0;
  float* key_gradient = nullptr;  // null: no gradient

  [[nodiscard]] std::int64_t position(std::int64_t row) const {
    return request.rows[static_cast<std::size_t>(first + row)];
  }
  [[nodiscard]] std::int64_t visible(std::int64_t row) const { return position(row) + 1; }
};

IndexerLoss::IndexerLoss(const IndexerShape& shape, const Sizes& sizes, const RopeTable& rope, Exec& exec,
                         const RowKernels& kernels, const PairKernels* pairs)
    : sizes_(sizes),
      shape_(shape),
      exec_(exec),
      kernels_(kernels),
      projections_(shape, rope, sizes.max_context, sizes.max_rows, exec, kernels),
      attention_keys_(kernels, pairs, sizes.attention_groups, sizes.attention_dim, sizes.max_context),
      index_keys_(kernels, pairs, 1, shape.dim, sizes.max_context) {
  const std::int64_t context = padded_to_panel(sizes.max_context);
  const std::int64_t blocks = (sizes.max_rows + kBlockRows - 1) / kBlockRows;
  key_partials_.resize(usize(std::min(blocks, kPartials) * context * projections_.padded_dim()));
  scratch_.resize(static_cast<std::size_t>(exec.threads()));
  for (Scratch& s : scratch_) {
    s.queries.resize(usize(kBlockRows * sizes.attention_heads * sizes.attention_dim));
    s.index_queries.resize(usize(kBlockRows * shape.heads * shape.dim));
    s.products.resize(usize(kBlockRows * std::max(context, kBackwardTile)));
    for (auto* rows : {&s.target, &s.largest, &s.scores}) rows->resize(usize(kBlockRows * context));
    s.selection.resize(usize(sizes.max_context));
    s.topk.resize(topk_scratch_bytes(sizes.max_context));
  }
  row_kl_.resize(usize(sizes.max_rows));
  row_recall_.resize(usize(sizes.max_rows));
}

void IndexerLoss::read(const AttentionInputs& inputs) {
  DSA_CHECK(inputs.h.rows() <= sizes_.max_context);
  DSA_CHECK(inputs.q_c.empty() && inputs.rows.front().visible == 1);
  inputs_ = inputs;
  attention_keys_.pack(exec_, inputs.k_pe);
}

LayerLoss IndexerLoss::layer(const LayerTensors<const float>& weights, const LossRequest& request,
                             const LayerTensors<float>* gradient) {
  const std::int64_t n = inputs_.h.rows();
  const auto rows = static_cast<std::int64_t>(request.rows.size());
  DSA_CHECK(rows <= sizes_.max_rows && rows > 0 && request.rows.back() < n);
  projections_.forward(weights, inputs_.h, request.rows);
  const auto keys = projections_.keys();
  index_keys_.pack(exec_, {keys.data(), {n, 1, shape_.dim}, {keys.stride(0), keys.stride(0), 1}});

  const std::int64_t blocks = (rows + kBlockRows - 1) / kBlockRows, partials = std::min(blocks, kPartials);
  exec_.parallel_for(partials, 1, [&](std::int64_t begin, std::int64_t end, int rank) {
    for (std::int64_t partial = begin; partial < end; ++partial) {
      float* key_gradient = key_partials_.data() + partial * padded_to_panel(n) * projections_.padded_dim();
      if (gradient != nullptr)
        std::fill_n(key_gradient, padded_to_panel(n) * projections_.padded_dim(), 0.0F);
      for (std::int64_t b = partial; b < blocks; b += partials) {
        const std::int64_t first = b * kBlockRows, count = std::min(kBlockRows, rows - first);
        run_block({.request = request,
                   .scratch = scratch_[static_cast<std::size_t>(rank)],
                   .first = first,
                   .count = count,
                   .tokens = padded_to_panel(request.rows[static_cast<std::size_t>(first + count - 1)] + 1),
                   .grad_scale = 1.0F / static_cast<float>(rows),
                   .key_gradient = gradient != nullptr ? key_gradient : nullptr});
      }
    }
  });
  if (gradient != nullptr) {
    const std::int64_t padded = projections_.padded_dim();
    sum_parts(exec_, kernels_, key_partials_.data(), partials, padded_to_panel(n) * padded, n * padded,
              projections_.key_gradient().data());
    projections_.backward(weights, inputs_.h, *gradient);
  }

  LayerLoss loss;
  for (std::size_t r = 0; r < request.rows.size(); ++r) {
    loss.kl += row_kl_[r] / static_cast<double>(rows);
    if (request.recall_topk == 0) continue;
    loss.recall.rows += row_recall_[r].rows;
    loss.recall.indexer += row_recall_[r].indexer;
    loss.recall.best += row_recall_[r].best;
  }
  if (loss.recall.rows > 0) {
    loss.recall.indexer /= static_cast<double>(loss.recall.rows);
    loss.recall.best /= static_cast<double>(loss.recall.rows);
  }
  return loss;
}

void IndexerLoss::run_block(const Block& block) {
  make_target(block);
  score(block);
  finish_rows(block);
  if (block.key_gradient != nullptr) backward(block);
}

void IndexerLoss::make_target(const Block& block) {
  Scratch& s = block.scratch;
  const std::int64_t heads = sizes_.attention_heads, width = block.tokens;
  const std::int64_t row_size = attention_keys_.row_size();
  const float sum_share = block.request.mix.sum_share;
  const bool wants_sum = sum_share > 0, wants_largest = sum_share < 1;
  std::fill_n(s.target.data(), block.count * width, 0.0F);
  std::fill_n(s.largest.data(), block.count * width, 0.0F);
  for (std::int64_t h = 0; h < heads; ++h) {
    float* queries = s.queries.data() + h * kBlockRows * row_size;
    for (std::int64_t r = 0; r < block.count; ++r)
      attention_keys_.prepare(inputs_.q_pe.row(block.position(r), h), 1, 0, inputs_.scale,
                              queries + r * row_size);
    attention_keys_.multiply(h / (heads / sizes_.attention_groups), queries, block.count, 0, width,
                             s.products.data(), width);
    for (std::int64_t r = 0; r < block.count; ++r)
      kernels_.add_attention(s.products.data() + r * width, block.visible(r),
                             wants_sum ? s.target.data() + r * width : nullptr,
                             wants_largest ? s.largest.data() + r * width : nullptr);
  }
  for (std::int64_t r = 0; r < block.count; ++r) {
    float *target = s.target.data() + r * width, *largest = s.largest.data() + r * width;
    const std::int64_t visible = block.visible(r);
    if (wants_sum) kernels_.scale(target, sum_share / kernels_.total(target, visible), visible);
    if (wants_largest)
      kernels_.add_scaled(largest, (1 - sum_share) / kernels_.total(largest, visible), visible, target);
  }
}

// A block's queries of one index head.
float* IndexerLoss::index_queries(Scratch& scratch, std::int64_t head) const {
  return scratch.index_queries.data() + head * kBlockRows * index_keys_.row_size();
}

void IndexerLoss::score(const Block& block) {
  Scratch& s = block.scratch;
  const auto q = projections_.queries();
  std::fill_n(s.scores.data(), block.count * block.tokens, 0.0F);
  for (std::int64_t j = 0; j < shape_.heads; ++j) {
    index_keys_.prepare(q.row(block.first, j), block.count, q.stride(0), 1, index_queries(s, j));
    index_keys_.multiply(0, index_queries(s, j), block.count, 0, block.tokens, s.products.data(),
                         block.tokens);
    for (std::int64_t r = 0; r < block.count; ++r)
      kernels_.add_relu(s.products.data() + r * block.tokens, projections_.head_weights()(block.first + r, j),
                        block.visible(r), s.scores.data() + r * block.tokens);
  }
}

// Loss of every row; its scores become their gradient, zero where the row does not see.
void IndexerLoss::finish_rows(const Block& block) {
  for (std::int64_t r = 0; r < block.count; ++r) {
    const std::int64_t visible = block.visible(r);
    const auto row = static_cast<std::size_t>(block.first + r);
    float* scores = block.scratch.scores.data() + r * block.tokens;
    const float* target = block.scratch.target.data() + r * block.tokens;
    if (block.request.recall_topk > 0) row_recall_[row] = recall_of(block, r, visible);
    row_kl_[row] = kernels_.kl_row(scores, target, visible, block.grad_scale);
    std::fill(scores + visible, scores + block.tokens, 0.0F);
  }
}

Recall IndexerLoss::recall_of(const Block& block, std::int64_t row, std::int64_t visible) {
  const std::int64_t topk = block.request.recall_topk;
  if (visible <= topk) return {};
  const float* target = block.scratch.target.data() + row * block.tokens;
  const auto kept_by = [&](const float* order) {
    const std::int64_t count = topk_select({order, static_cast<std::size_t>(visible)}, topk,
                                           block.scratch.selection, block.scratch.topk);
    double mass = 0;
    for (std::int64_t i = 0; i < count; ++i)
      mass += static_cast<double>(target[block.scratch.selection[static_cast<std::size_t>(i)]]);
    return mass;
  };
  return {.rows = 1,
          .indexer = kept_by(block.scratch.scores.data() + row * block.tokens),
          .best = kept_by(target)};
}

void IndexerLoss::backward(const Block& block) {
  Scratch& s = block.scratch;
  const auto q = projections_.queries(), dq = projections_.query_gradient();
  const auto w = projections_.head_weights(), dw = projections_.head_weight_gradient();
  const auto keys = projections_.keys();
  const std::int64_t padded = projections_.padded_dim();
  for (std::int64_t r = 0; r < block.count; ++r) {
    std::fill_n(dq.row(block.first + r), shape_.heads * padded, 0.0F);
    std::ranges::fill(dw.span(block.first + r), 0.0F);
  }
  float* products = s.products.data();
  for (std::int64_t t = 0; t < block.tokens; t += kBackwardTile) {
    const std::int64_t tokens = std::min(kBackwardTile, block.tokens - t);
    for (std::int64_t j = 0; j < shape_.heads; ++j) {
      // Computed once more: cheaper than keeping every head's products.
      index_keys_.multiply(0, index_queries(s, j), block.count, t, tokens, products, kBackwardTile);
      for (std::int64_t r = 0; r < block.count; ++r)
        dw(block.first + r, j) +=
            kernels_.relu_backward(s.scores.data() + r * block.tokens + t, products + r * kBackwardTile,
                                   w(block.first + r, j), tokens);
      kernels_.product({.m = block.count,
                        .n = padded,
                        .k = tokens,
                        .a = products,
                        .a_row = kBackwardTile,
                        .b = keys.data() + t * padded,
                        .b_row = padded,
                        .c = dq.row(block.first, j),
                        .c_row = dq.stride(0),
                        .accumulate = true});
      kernels_.product({.m = tokens,
                        .n = padded,
                        .k = block.count,
                        .a = products,
                        .a_row = 1,
                        .a_col = kBackwardTile,
                        .b = q.row(block.first, j),
                        .b_row = q.stride(0),
                        .c = block.key_gradient + t * padded,
                        .c_row = padded,
                        .accumulate = true});
    }
  }
}

}  // namespace dsa::train
