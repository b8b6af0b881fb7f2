// For tests: the indexer as a PyTorch user would write it.
#pragma once

#include <torch/nn/functional.h>
#include <torch/torch.h>

#include <cmath>

#include "model/rope_table.h"
#include "train/warmup/indexer_parameters.h"

namespace dsa::train {

inline torch::Tensor tensor_of(const float* data, const std::vector<std::int64_t>& shape) {
  // from_blob takes no const pointer; the clone alone is kept.
  return torch::from_blob(const_cast<float*>(data), shape).clone();
}

/// The indexer as a PyTorch user would write it.
struct TorchIndexer {
  IndexerShape shape;
  torch::Tensor wq, wk, ww, norm, bias, cos, sin;

  TorchIndexer(const IndexerShape& of, const LayerTensors<float>& w, const RopeTable& rope,
               std::int64_t context)
      : shape(of) {
    const auto leaf = [](std::span<float> values, std::vector<std::int64_t> sizes) {
      return tensor_of(values.data(), std::move(sizes)).requires_grad_(true);
    };
    wq = leaf(w.wq, {shape.heads * shape.dim, shape.hidden});
    wk = leaf(w.wk, {shape.dim, shape.hidden});
    ww = leaf(w.weights_proj, {shape.heads, shape.hidden});
    norm = leaf(w.k_norm, {shape.dim});
    bias = leaf(w.k_norm_bias, {shape.dim});
    const auto frequencies = tensor_of(rope.frequencies().data(), {shape.rope_dim / 2});
    const auto angle = torch::outer(torch::arange(context, torch::kFloat), frequencies);
    cos = angle.cos();
    sin = angle.sin();
  }

  [[nodiscard]] torch::Tensor rotate(const torch::Tensor& x, const torch::Tensor& c,
                                     const torch::Tensor& s) const {
    const std::int64_t half = shape.rope_dim / 2;
    const auto a = x.slice(-1, 0, half), b = x.slice(-1, half, 2 * half);
    return torch::cat({a * c - b * s, b * c + a * s, x.slice(-1, 2 * half)}, -1);
  }

  [[nodiscard]] torch::Tensor scores(const torch::Tensor& h, const torch::Tensor& rows) const {
    auto k = torch::nn::functional::layer_norm(h.matmul(wk.t()),
                                               torch::nn::functional::LayerNormFuncOptions({shape.dim})
                                                   .weight(norm)
                                                   .bias(bias)
                                                   .eps(shape.k_norm_eps));
    k = rotate(k, cos, sin);
    const auto h_rows = h.index_select(0, rows);
    const auto q = rotate(h_rows.matmul(wq.t()).view({-1, shape.heads, shape.dim}),
                          cos.index_select(0, rows).unsqueeze(1), sin.index_select(0, rows).unsqueeze(1));
    const auto products =
        torch::einsum("rhd,td->rht", {q, k}).relu() * std::pow(shape.dim, -0.5) * std::pow(shape.heads, -0.5);
    return torch::einsum("rht,rh->rt", {products, h_rows.matmul(ww.t())});
  }
};

}  // namespace dsa::train
