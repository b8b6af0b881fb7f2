#include "train/warmup/index_projections.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/error.h"
#include "base/numeric.h"
#include "kernels/types.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kRowGrain = 96;        // rows of h that stay in the second-level cache
constexpr std::int64_t kColumnGrain = 64;     // columns of a weight's gradient that one thread sums up
constexpr std::int64_t kPositionChunk = 256;  // positions whose part of h stays in the second-level cache

// weight [heads * dim, inputs] as [inputs, heads * padded]; what lies between dim and padded stays zero.
void transpose_padded(std::span<const float> weight, std::int64_t dim, std::int64_t inputs,
                      std::int64_t padded, std::span<float> out, std::int64_t out_columns) {
  const std::int64_t rows = static_cast<std::int64_t>(weight.size()) / inputs;
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* from = weight.data() + r * inputs;
    float* to = out.data() + r / dim * padded + r % dim;
    for (std::int64_t i = 0; i < inputs; ++i) to[i * out_columns] = from[i];
  }
}

// The rows of x that are named, one after the other.
TensorView<float, 2> take_rows(TensorView<const float, 2> x, std::span<const std::int32_t> rows,
                               std::vector<float>& out) {
  const TensorView<float, 2> taken(out.data(), {static_cast<std::int64_t>(rows.size()), x.cols()});
  for (std::int64_t r = 0; r < taken.rows(); ++r)
    std::memcpy(taken.row(r), x.row(rows[static_cast<std::size_t>(r)]), usize(x.cols()) * sizeof(float));
  return taken;
}

// (a, b) -> (a cos - b sin, a sin + b cos) on the pairs (i, i + rope/2); the transposed rotation for `back`.
enum class Turn : std::uint8_t { forth, back };
void rotate(std::span<float> head, const float* cos_sin, std::int64_t rope_dim, Turn turn) {
  const std::int64_t half = rope_dim / 2;
  const float sign = turn == Turn::forth ? 1.0F : -1.0F;
  float* x = head.data();
  for (std::int64_t i = 0; i < half; ++i) {
    const float a = x[i], b = x[half + i], c = cos_sin[i], s = sign * cos_sin[half + i];
    x[i] = a * c - b * s;
    x[half + i] = a * s + b * c;
  }
}

}  // namespace

IndexProjections::IndexProjections(const IndexerShape& shape, const RopeTable& rope, std::int64_t max_context,
                                   std::int64_t max_rows, Exec& exec, const RowKernels& kernels)
    : shape_(shape), exec_(exec), kernels_(kernels), padded_dim_(padded_to_panel(shape.dim)) {
  DSA_CHECK(rope.dim() == shape.rope_dim);
  cos_sin_.resize(usize(max_context * shape.rope_dim));
  std::vector<std::int64_t> positions(usize(max_context));
  std::iota(positions.begin(), positions.end(), 0);
  rope.fill(positions, {cos_sin_.data(), {max_context, shape.rope_dim}});

  const std::int64_t query_columns = shape.heads * padded_dim_;
  wq_t_.resize(usize(shape.query_input() * query_columns));
  wk_t_.resize(usize(shape.hidden * padded_dim_));
  ww_t_.resize(usize(shape.hidden * padded_to_panel(shape.heads)));
  h_rows_.resize(usize(max_rows * shape.hidden));
  latent_rows_.resize(usize(max_rows * shape.q_lora_rank));
  for (auto* data : {&q_data_, &dq_data_}) data->resize(usize(max_rows * query_columns));
  for (auto* data : {&w_data_, &dw_data_}) data->resize(usize(max_rows * padded_to_panel(shape.heads)));
  // Whole pages of the cache: the model's own kernels read these keys too (sparse_indexer.h).
  const std::int64_t key_rows = (max_context + kPageTokens - 1) / kPageTokens * kPageTokens;
  for (auto* data : {&k_data_, &dk_data_, &k_hat_}) data->resize(usize(key_rows * padded_dim_));
  inverse_deviation_.resize(usize(max_context));
  norm_partials_.resize(usize((max_context + kPositionChunk - 1) / kPositionChunk * 2 * shape.dim));
}

void IndexProjections::forward(const LayerTensors<const float>& weights, TensorView<const float, 2> h,
                               std::span<const std::int32_t> rows, TensorView<const float, 2> latent) {
  DSA_CHECK(latent.cols() == shape_.q_lora_rank || latent.empty());
  DSA_CHECK(latent.empty() == (shape_.q_lora_rank == 0));
  n_ = h.rows();
  rows_ = rows;
  const auto count = static_cast<std::int64_t>(rows.size());
  const std::int64_t heads = shape_.heads, hidden = shape_.hidden, padded_heads = padded_to_panel(heads);
  q_ = {q_data_.data(), {count, heads, padded_dim_}};
  dq_ = {dq_data_.data(), {count, heads, padded_dim_}};
  w_ = {w_data_.data(), {count, heads}, {padded_heads, 1}};
  dw_ = {dw_data_.data(), {count, heads}, {padded_heads, 1}};
  k_ = {k_data_.data(), {n_, padded_dim_}};
  dk_ = {dk_data_.data(), {n_, padded_dim_}};

  transpose_padded(weights.wq, shape_.dim, shape_.query_input(), padded_dim_, wq_t_, heads * padded_dim_);
  transpose_padded(weights.wk, shape_.dim, hidden, padded_dim_, wk_t_, padded_dim_);
  transpose_padded(weights.weights_proj, heads, hidden, padded_heads, ww_t_, padded_heads);
  const auto h_rows = take_rows(h, rows, h_rows_);

  project(latent.empty() ? h_rows : take_rows(latent, rows, latent_rows_), wq_t_,
          {q_data_.data(), {count, heads * padded_dim_}});
  project(h_rows, ww_t_, {w_data_.data(), {count, padded_heads}});
  project(h, wk_t_, k_);
  const float factor = 1.0F / std::sqrt(static_cast<float>(heads) * static_cast<float>(shape_.dim));
  for (std::int64_t r = 0; r < count; ++r) {
    const float* angles = cos_sin_.data() + rows[static_cast<std::size_t>(r)] * shape_.rope_dim;
    for (std::int64_t j = 0; j < heads; ++j) rotate(q_.span(r, j), angles, shape_.rope_dim, Turn::forth);
    for (float& w : w_.span(r)) w *= factor;
  }
  norm_keys(weights);
}

void IndexProjections::project(TensorView<const float, 2> x, std::span<const float> weight_t,
                               TensorView<float, 2> y) {
  exec_.parallel_for(x.rows(), kRowGrain, [&](std::int64_t begin, std::int64_t end, int) {
    kernels_.product({.m = end - begin,
                      .n = y.cols(),
                      .k = x.cols(),
                      .a = x.row(begin),
                      .a_row = x.stride(0),
                      .b = weight_t.data(),
                      .b_row = y.cols(),
                      .c = y.row(begin),
                      .c_row = y.stride(0)});
  });
}

void IndexProjections::norm_keys(const LayerTensors<const float>& weights) {
  const auto dim = static_cast<std::size_t>(shape_.dim);
  exec_.parallel_for(n_, kRowGrain, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) {
      const auto key = k_.span(t).first(dim);
      float* hat = k_hat_.data() + t * padded_dim_;
      float mean = 0, variance = 0;
      for (const float x : key) mean += x;
      mean /= static_cast<float>(dim);
      for (const float x : key) variance += (x - mean) * (x - mean);
      const float inverse =
          1.0F / std::sqrt(variance / static_cast<float>(dim) + static_cast<float>(shape_.k_norm_eps));
      inverse_deviation_[usize(t)] = inverse;
      for (std::size_t d = 0; d < dim; ++d) {
        hat[d] = (key[d] - mean) * inverse;
        key[d] = hat[d] * weights.k_norm[d] + weights.k_norm_bias[d];
      }
      rotate(key, cos_sin_.data() + t * shape_.rope_dim, shape_.rope_dim, Turn::forth);
    }
  });
}

void IndexProjections::backward(const LayerTensors<const float>& weights, TensorView<const float, 2> h,
                                const LayerTensors<float>& gradient) {
  rotate_back();
  norm_backward(weights, gradient);
  weight_gradient(h, gradient);
}

void IndexProjections::rotate_back() {
  const float factor = 1.0F / std::sqrt(static_cast<float>(shape_.heads) * static_cast<float>(shape_.dim));
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    const auto row = static_cast<std::int64_t>(r);
    const float* angles = cos_sin_.data() + rows_[r] * shape_.rope_dim;
    for (std::int64_t j = 0; j < shape_.heads; ++j)
      rotate(dq_.span(row, j), angles, shape_.rope_dim, Turn::back);
    for (float& w : dw_.span(row)) w *= factor;
  }
}

// y = hat * g + b with hat = (x - mean) / deviation:
// dx = (dhat - mean(dhat) - hat mean(dhat hat)) / deviation.
void IndexProjections::norm_backward(const LayerTensors<const float>& weights,
                                     const LayerTensors<float>& gradient) {
  const auto dim = static_cast<std::size_t>(shape_.dim);
  const std::int64_t chunks = (n_ + kPositionChunk - 1) / kPositionChunk;
  exec_.parallel_for(chunks, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t chunk = begin; chunk < end; ++chunk) {
      float* d_scale = norm_partials_.data() + chunk * 2 * shape_.dim;
      float* d_shift = d_scale + dim;
      std::fill(d_scale, d_shift + dim, 0.0F);
      for (std::int64_t t = chunk * kPositionChunk; t < std::min((chunk + 1) * kPositionChunk, n_); ++t) {
        const auto dk = dk_.span(t).first(dim);
        const float* hat = k_hat_.data() + t * padded_dim_;
        rotate(dk, cos_sin_.data() + t * shape_.rope_dim, shape_.rope_dim, Turn::back);
        float mean = 0, mean_hat = 0;
        for (std::size_t d = 0; d < dim; ++d) {
          d_scale[d] += dk[d] * hat[d];
          d_shift[d] += dk[d];
          dk[d] *= weights.k_norm[d];
          mean += dk[d];
          mean_hat += dk[d] * hat[d];
        }
        mean /= static_cast<float>(dim);
        mean_hat /= static_cast<float>(dim);
        const float inverse = inverse_deviation_[usize(t)];
        for (std::size_t d = 0; d < dim; ++d) dk[d] = (dk[d] - mean - hat[d] * mean_hat) * inverse;
      }
    }
  });
  // Chunks are added up in order: the sum does not depend on the threads.
  for (std::size_t d = 0; d < dim; ++d) {
    float scale = 0, shift = 0;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      scale += norm_partials_[usize(chunk * 2 * shape_.dim) + d];
      shift += norm_partials_[usize(chunk * 2 * shape_.dim) + dim + d];
    }
    gradient.k_norm[d] = scale;
    gradient.k_norm_bias[d] = shift;
  }
}

// dW = dY^T X for the three projections, cut by columns of X.
void IndexProjections::weight_gradient(TensorView<const float, 2> h, const LayerTensors<float>& gradient) {
  const std::int64_t dim = shape_.dim, heads = shape_.heads;
  struct Product {
    const float* dy;
    std::int64_t dy_stride, outputs;
    const float* x;
    std::int64_t x_stride, n;
    float* dw;
    std::int64_t inputs;
  };
  const auto add = [&](const Product& p, std::int64_t begin, std::int64_t end, bool accumulate) {
    kernels_.product({.m = p.outputs,
                      .n = end - begin,
                      .k = p.n,
                      .a = p.dy,
                      .a_row = 1,
                      .a_col = p.dy_stride,
                      .b = p.x + begin,
                      .b_row = p.x_stride,
                      .c = p.dw + begin,
                      .c_row = p.inputs,
                      .accumulate = accumulate});
  };
  const auto count = static_cast<std::int64_t>(rows_.size());
  exec_.parallel_for(shape_.hidden, kColumnGrain, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = 0; t < n_; t += kPositionChunk)
      add({dk_.row(t), padded_dim_, dim, h.row(t), h.stride(0), std::min(kPositionChunk, n_ - t),
           gradient.wk.data(), shape_.hidden},
          begin, end, /*accumulate=*/t > 0);
    add({dw_data_.data(), dw_.stride(0), heads, h_rows_.data(), shape_.hidden, count,
         gradient.weights_proj.data(), shape_.hidden},
        begin, end, /*accumulate=*/false);
  });
  const std::int64_t inputs = shape_.query_input();
  const float* x = shape_.q_lora_rank > 0 ? latent_rows_.data() : h_rows_.data();
  exec_.parallel_for(inputs, kColumnGrain, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t j = 0; j < heads; ++j)
      add({dq_data_.data() + j * padded_dim_, heads * padded_dim_, dim, x, inputs, count,
           gradient.wq.data() + j * dim * inputs, inputs},
          begin, end, /*accumulate=*/false);
  });
}

}  // namespace dsa::train
