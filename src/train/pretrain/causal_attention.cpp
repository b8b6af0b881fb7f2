#include "train/pretrain/causal_attention.h"

#include <algorithm>

#include "base/error.h"
#include "base/numeric.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kBlockRows = 64;  // a block of scores stays in the second-level cache

// x [n, heads, dim] of one head as [panels, dim, kPanel]; zeros past n.
void pack_head(TensorView<const float, 3> x, std::int64_t head, float* out) {
  const std::int64_t n = x.rows(), dim = x.shape()[2];
  for (std::int64_t p = 0; p < panels_for(n); ++p)
    for (std::int64_t l = 0; l < kPanel; ++l) {
      const std::int64_t t = p * kPanel + l;
      const float* from = t < n ? x.row(t, head) : nullptr;
      for (std::int64_t d = 0; d < dim; ++d)
        out[(p * dim + d) * kPanel + l] = from != nullptr ? from[d] : 0.0F;
    }
}

}  // namespace

CausalAttention::CausalAttention(const Sizes& sizes, Exec& exec, const RowKernels& kernels)
    : sizes_(sizes), exec_(exec), kernels_(kernels), scratch_(static_cast<std::size_t>(exec.threads())) {
  const std::int64_t padded = padded_to_panel(sizes.max_context);
  for (Scratch& s : scratch_) {
    for (auto* data : {&s.p, &s.dp}) data->resize(usize(kBlockRows * sizes.max_context));
    s.compact.resize(usize(sizes.max_context));
    s.k_panels.resize(usize(padded * sizes.qk_dim));
    s.v_panels.resize(usize(padded * sizes.v_dim));
  }
  k_panels_.resize(usize(sizes.heads * padded * sizes.qk_dim));
}

// p [block rows, block keys] into scratch.p, zeros where a row does not look.
void CausalAttention::probabilities(const AttentionTensors& in, const Selection* selection, std::int64_t head,
                                    const float* k_panels, const Block& block, Scratch& scratch) const {
  const std::int64_t stride = sizes_.max_context, keys = block.keys();
  kernels_.product({.m = block.rows(),
                    .n = keys,
                    .k = sizes_.qk_dim,
                    .a = in.q.row(block.first, head),
                    .a_row = in.q.stride(0),
                    .b = k_panels,
                    .b_row = kPanel,
                    .b_panel = kPanel * sizes_.qk_dim,
                    .c = scratch.p.data(),
                    .c_row = stride});
  for (std::int64_t r = block.first; r < block.end; ++r) {
    const std::int64_t t = block.before + r;
    float* row = scratch.p.data() + (r - block.first) * stride;
    if (selection == nullptr) {
      kernels_.scale(row, sizes_.scale, t + 1);
      kernels_.softmax(row, t + 1);
      std::fill(row + t + 1, row + keys, 0.0F);
      continue;
    }
    const auto selected = selection->row(t);
    float* compact = scratch.compact.data();
    for (std::size_t i = 0; i < selected.size(); ++i) compact[i] = sizes_.scale * row[selected[i]];
    kernels_.softmax(compact, static_cast<std::int64_t>(selected.size()));
    std::fill(row, row + keys, 0.0F);
    for (std::size_t i = 0; i < selected.size(); ++i) row[selected[i]] = compact[i];
  }
}

void CausalAttention::add_mean(const Selection* selection, const Block& block, const std::vector<float>& p,
                               TensorView<float, 2> mean) const {
  const float share = 1.0F / static_cast<float>(sizes_.heads);
  for (std::int64_t t = block.first; t < block.end; ++t) {
    const float* row = p.data() + (t - block.first) * sizes_.max_context;
    if (selection == nullptr) {
      kernels_.add_scaled(row, share, t + 1, mean.row(t));
      continue;
    }
    const auto selected = selection->row(t);
    for (std::size_t i = 0; i < selected.size(); ++i) mean.row(t)[i] += share * row[selected[i]];
  }
}

void CausalAttention::forward(const AttentionTensors& in, const Selection* selection,
                              TensorView<float, 3> out, TensorView<float, 2> mean_attention) {
  const std::int64_t n = in.k.rows(), rows = in.q.rows();
  const std::int64_t head_panels = padded_to_panel(sizes_.max_context) * sizes_.qk_dim;
  DSA_CHECK(rows <= n && n <= sizes_.max_context && (mean_attention.empty() || rows == n));
  exec_.parallel_for(sizes_.heads, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t h = begin; h < end; ++h) pack_head(in.k, h, k_panels_.data() + h * head_panels);
  });
  exec_.parallel_for(rows, kBlockRows, [&](std::int64_t begin, std::int64_t end, int rank) {
    Scratch& scratch = scratch_[static_cast<std::size_t>(rank)];
    const Block block{.first = begin, .end = end, .before = n - rows};
    if (!mean_attention.empty())
      for (std::int64_t t = begin; t < end; ++t)
        std::fill_n(mean_attention.row(t), selection == nullptr ? t + 1 : selection->topk, 0.0F);
    for (std::int64_t h = 0; h < sizes_.heads; ++h) {
      probabilities(in, selection, h, k_panels_.data() + h * head_panels, block, scratch);
      kernels_.product({.m = block.rows(),
                        .n = sizes_.v_dim,
                        .k = block.keys(),
                        .a = scratch.p.data(),
                        .a_row = sizes_.max_context,
                        .b = in.v.row(0, h),
                        .b_row = in.v.stride(0),
                        .c = out.row(begin, h),
                        .c_row = out.stride(0)});
      if (!mean_attention.empty()) add_mean(selection, block, scratch.p, mean_attention);
    }
  });
}

void CausalAttention::backward(const AttentionTensors& in, const Selection* selection,
                               TensorView<const float, 3> d_out,
                               const SelectedAttention::Gradients& gradients) {
  exec_.parallel_for(sizes_.heads, 1, [&](std::int64_t begin, std::int64_t end, int rank) {
    for (std::int64_t h = begin; h < end; ++h)
      backward_head(in, selection, h, d_out, gradients, scratch_[static_cast<std::size_t>(rank)]);
  });
}

void CausalAttention::backward_head(const AttentionTensors& in, const Selection* selection, std::int64_t head,
                                    TensorView<const float, 3> d_out,
                                    const SelectedAttention::Gradients& gradients, Scratch& scratch) const {
  const std::int64_t rows = in.q.rows(), stride = sizes_.max_context;
  pack_head(in.k, head, scratch.k_panels.data());
  pack_head(in.v, head, scratch.v_panels.data());
  // The last block reaches all keys: it writes their gradients, the others add to them.
  for (std::int64_t first = (rows - 1) / kBlockRows * kBlockRows; first >= 0; first -= kBlockRows) {
    const Block block{
        .first = first, .end = std::min(rows, first + kBlockRows), .before = in.k.rows() - rows};
    const std::int64_t keys = block.keys();
    const bool add = block.end < rows;
    probabilities(in, selection, head, scratch.k_panels.data(), block, scratch);
    float *p = scratch.p.data(), *dp = scratch.dp.data();
    const float* d = d_out.row(first, head);
    kernels_.product({.m = block.rows(),
                      .n = keys,
                      .k = sizes_.v_dim,
                      .a = d,
                      .a_row = d_out.stride(0),
                      .b = scratch.v_panels.data(),
                      .b_row = kPanel,
                      .b_panel = kPanel * sizes_.v_dim,
                      .c = dp,
                      .c_row = stride});
    const auto transposed = [&](const float* a, const float* b, std::int64_t b_row, std::int64_t columns,
                                TensorView<float, 3> to) {
      kernels_.product({.m = keys,
                        .n = columns,
                        .k = block.rows(),
                        .a = a,
                        .a_row = 1,
                        .a_col = stride,
                        .b = b,
                        .b_row = b_row,
                        .c = to.row(0, head),
                        .c_row = to.stride(0),
                        .accumulate = add});
    };
    transposed(p, d, d_out.stride(0), sizes_.v_dim, gradients.v);
    for (std::int64_t r = 0; r < block.rows(); ++r) {
      kernels_.softmax_backward(p + r * stride, dp + r * stride, keys);
      kernels_.scale(dp + r * stride, sizes_.scale, keys);
    }
    kernels_.product({.m = block.rows(),
                      .n = sizes_.qk_dim,
                      .k = keys,
                      .a = dp,
                      .a_row = stride,
                      .b = in.k.row(0, head),
                      .b_row = in.k.stride(0),
                      .c = gradients.q.row(first, head),
                      .c_row = gradients.q.stride(0)});
    transposed(dp, in.q.row(first, head), in.q.stride(0), sizes_.qk_dim, gradients.k);
  }
}

}  // namespace dsa::train
