#include "train/sparse/selected_attention.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/numeric.h"
#include "kernels/rows/partial_sums.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kRowGrain = 16;   // rows that a thread takes at a time
constexpr std::int64_t kBlockRows = 64;  // rows whose gradients of keys and values go to one part
constexpr std::int64_t kParts = 8;       // fixed, so that sums never depend on threads

// The kernels take one kind of pointer for what they read and what they write.
float* writable(const float* p) { return const_cast<float*>(p); }

}  // namespace

SelectedAttention::SelectedAttention(const Sizes& sizes, Exec& exec, const RowKernels& kernels)
    : sizes_(sizes),
      scale_(1.0F / std::sqrt(static_cast<float>(sizes.dim))),
      exec_(exec),
      kernels_(kernels),
      scratch_(static_cast<std::size_t>(exec.threads())) {
  for (Scratch& s : scratch_)
    for (auto* data : {&s.p, &s.dp}) data->resize(usize(sizes.heads * sizes.topk));
}

// p [heads, topk] of row t.
void SelectedAttention::probabilities(const AttentionTensors& in, std::span<const std::int32_t> selected,
                                      std::int64_t t, std::span<float> p) const {
  const std::int64_t per_group = sizes_.heads / sizes_.groups;
  for (std::int64_t g = 0; g < sizes_.groups; ++g)
    kernels_.gather_dots({.heads = per_group,
                          .count = static_cast<std::int64_t>(selected.size()),
                          .dim = sizes_.dim,
                          .idx = selected.data(),
                          .rows = writable(in.k.row(0, g)),
                          .stride = in.k.stride(0),
                          .a = writable(in.q.row(t, g * per_group)),
                          .a_row = in.q.stride(1),
                          .p = p.data() + g * per_group * sizes_.topk,
                          .p_row = sizes_.topk,
                          .scale = scale_});
  for (std::int64_t h = 0; h < sizes_.heads; ++h)
    kernels_.softmax(p.data() + h * sizes_.topk, static_cast<std::int64_t>(selected.size()));
}

void SelectedAttention::forward(const AttentionTensors& in, const Selection& selection,
                                TensorView<float, 3> out, TensorView<float, 2> mean_attention) {
  DSA_CHECK(in.q.rows() <= sizes_.max_context && selection.topk <= sizes_.topk);
  const std::int64_t per_group = sizes_.heads / sizes_.groups;
  exec_.parallel_for(in.q.rows(), kRowGrain, [&](std::int64_t begin, std::int64_t end, int rank) {
    const std::span<float> p = scratch_[static_cast<std::size_t>(rank)].p;
    for (std::int64_t t = begin; t < end; ++t) {
      const auto selected = selection.row(t);
      const auto count = static_cast<std::int64_t>(selected.size());
      probabilities(in, selected, t, p);
      for (std::int64_t g = 0; g < sizes_.groups; ++g)
        kernels_.gather_sum({.heads = per_group,
                             .count = count,
                             .dim = sizes_.dim,
                             .idx = selected.data(),
                             .rows = writable(in.v.row(0, g)),
                             .stride = in.v.stride(0),
                             .a = out.row(t, g * per_group),
                             .a_row = out.stride(1),
                             .p = p.data() + g * per_group * sizes_.topk,
                             .p_row = sizes_.topk});
      if (mean_attention.empty()) continue;
      float* mean = mean_attention.row(t);
      std::fill_n(mean, count, 0.0F);
      for (std::int64_t h = 0; h < sizes_.heads; ++h)
        kernels_.add_scaled(p.data() + h * sizes_.topk, 1.0F / static_cast<float>(sizes_.heads), count, mean);
    }
  });
}

void SelectedAttention::backward(const AttentionTensors& in, const Selection& selection,
                                 TensorView<const float, 3> d_out, const Gradients& gradients) {
  const std::int64_t n = in.q.rows(), size = n * sizes_.groups * sizes_.dim;
  const std::int64_t blocks = (n + kBlockRows - 1) / kBlockRows, parts = std::min(blocks, kParts);
  if (partials_.empty())
    partials_.resize(usize(kParts * 2 * sizes_.max_context * sizes_.groups * sizes_.dim));
  exec_.parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end, int rank) {
    for (std::int64_t part = begin; part < end; ++part) {
      float* sums = partials_.data() + part * 2 * size;
      std::fill_n(sums, 2 * size, 0.0F);
      const Gradients into{.q = gradients.q,
                           .k = {sums, {n, sizes_.groups, sizes_.dim}},
                           .v = {sums + size, {n, sizes_.groups, sizes_.dim}}};
      for (std::int64_t block = part; block < blocks; block += parts)
        for (std::int64_t t = block * kBlockRows; t < std::min(n, (block + 1) * kBlockRows); ++t)
          backward_row(in, selection, t, d_out, into, scratch_[static_cast<std::size_t>(rank)]);
    }
  });
  sum_parts(exec_, kernels_, partials_.data(), parts, 2 * size, size, gradients.k.data());
  sum_parts(exec_, kernels_, partials_.data() + size, parts, 2 * size, size, gradients.v.data());
}

void SelectedAttention::backward_row(const AttentionTensors& in, const Selection& selection, std::int64_t t,
                                     TensorView<const float, 3> d_out, const Gradients& gradients,
                                     Scratch& scratch) const {
  const auto selected = selection.row(t);
  const auto count = static_cast<std::int64_t>(selected.size());
  const std::int64_t per_group = sizes_.heads / sizes_.groups;
  probabilities(in, selected, t, scratch.p);
  for (std::int64_t g = 0; g < sizes_.groups; ++g) {
    const std::int64_t first = g * per_group;
    float *p = scratch.p.data() + first * sizes_.topk, *dp = scratch.dp.data() + first * sizes_.topk;
    GatherArgs args{
        .heads = per_group, .count = count, .dim = sizes_.dim, .idx = selected.data(), .p_row = sizes_.topk};
    const auto with = [&](const float* rows, std::int64_t stride, const float* a, std::int64_t a_row,
                          float* x, float scale) {
      args.rows = writable(rows), args.stride = stride;
      args.a = writable(a), args.a_row = a_row;
      args.p = x, args.scale = scale;
      return args;
    };
    const float* d = d_out.row(t, first);
    kernels_.gather_dots(with(in.v.row(0, g), in.v.stride(0), d, d_out.stride(1), dp, 1));
    kernels_.scatter_add(with(gradients.v.row(0, g), gradients.v.stride(0), d, d_out.stride(1), p, 1));
    for (std::int64_t h = 0; h < per_group; ++h)
      kernels_.softmax_backward(p + h * sizes_.topk, dp + h * sizes_.topk, count);
    kernels_.gather_sum(
        with(in.k.row(0, g), in.k.stride(0), gradients.q.row(t, first), gradients.q.stride(1), dp, scale_));
    kernels_.scatter_add(
        with(gradients.k.row(0, g), gradients.k.stride(0), in.q.row(t, first), in.q.stride(1), dp, scale_));
  }
}

}  // namespace dsa::train
