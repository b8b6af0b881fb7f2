#include "train/sparse/sparse_indexer.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/numeric.h"
#include "kernels/rows/partial_sums.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kRowsOfAPart = 64;  // whose gradients of index keys go to one sum
constexpr std::int64_t kKeySums = 16;      // fixed, so that they never depend on threads

}  // namespace

SparseIndexer::SparseIndexer(const IndexerShape& shape, const RopeTable& rope, std::int64_t max_context,
                             std::int64_t topk, Exec& exec, const KernelTable& kernels)
    : shape_(shape),
      topk_(topk),
      exec_(exec),
      kernels_(kernels),
      rows_(*kernels.rows),
      projections_(shape, rope, max_context, max_context, exec, rows_),
      positions_(usize(max_context)),
      pages_(usize((max_context + kPageTokens - 1) / kPageTokens)),
      kv_rows_(usize(max_context)),
      select_scratch_(indexer_scratch_bytes(exec.threads(), max_context)),
      scratch_(static_cast<std::size_t>(exec.threads())),
      row_kl_(usize(max_context)) {
  std::iota(positions_.begin(), positions_.end(), 0);
  std::iota(pages_.begin(), pages_.end(), 0);
  for (std::size_t t = 0; t < kv_rows_.size(); ++t)
    kv_rows_[t] = {.pages = pages_.data(), .visible = static_cast<std::int64_t>(t) + 1};
  for (Scratch& s : scratch_) {
    s.products.resize(usize(shape.heads * topk));
    s.scores.resize(usize(topk));
  }
  turned_keys_.resize(pages_.size() * usize(kPageTokens * projections_.padded_dim()));
  partials_.resize(usize(kKeySums * max_context * projections_.padded_dim()));
}

void SparseIndexer::select(const LayerTensors<const float>& weights, TensorView<const float, 2> h,
                           Selection& out, TensorView<const float, 2> latent) {
  const std::int64_t n = h.rows();
  DSA_CHECK(n <= static_cast<std::int64_t>(positions_.size()));
  projections_.forward(weights, h, std::span(positions_).first(usize(n)), latent);
  if (out.topk == 0) out.topk = topk_;
  DSA_CHECK(out.topk <= topk_);
  out.idx.resize(usize(n * out.topk));
  out.count.resize(usize(n));
  turn_keys(n);
  KvView keys;
  keys.layout = {
      .type = DType::f32, .groups = 1, .rank = 0, .rope_dim = 0, .index_dim = projections_.padded_dim()};
  keys.keys = reinterpret_cast<std::byte*>(turned_keys_.data());
  kernels_.indexer_select(exec_, {.q = projections_.queries(),
                                  .w = projections_.head_weights(),
                                  .kv = keys,
                                  .rows = std::span(kv_rows_).first(usize(n)),
                                  .topk = out.topk,
                                  .compute = Compute::f32,
                                  .idx = {out.idx.data(), {n, out.topk}},
                                  .count = out.count,
                                  .scratch = select_scratch_});
}

// Keys as a cache holds them, its pages in order; zeros pad a head, and change no product.
void SparseIndexer::turn_keys(std::int64_t n) {
  const std::int64_t dim = projections_.padded_dim();
  exec_.parallel_for((n + kPageTokens - 1) / kPageTokens, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin * kPageTokens; t < std::min(n, end * kPageTokens); ++t) {
      float* page = turned_keys_.data() + t / kPageTokens * kPageTokens * dim;
      const float* key = projections_.keys().row(t);
      for (std::int64_t d = 0; d < dim; ++d) page[d * kPageTokens + t % kPageTokens] = key[d];
    }
  });
}

double SparseIndexer::loss(const LayerTensors<const float>& weights, TensorView<const float, 2> h,
                           const Selection& selection, TensorView<const float, 2> mean_attention,
                           const LayerTensors<float>* gradient) {
  const std::int64_t n = h.rows(), key_floats = n * projections_.padded_dim();
  const std::int64_t blocks = (n + kRowsOfAPart - 1) / kRowsOfAPart, parts = std::min(blocks, kKeySums);
  const float grad_scale = 1.0F / static_cast<float>(n);
  exec_.parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end, int rank) {
    for (std::int64_t part = begin; part < end; ++part) {
      float* key_gradient = gradient != nullptr ? partials_.data() + part * key_floats : nullptr;
      if (key_gradient != nullptr) std::fill_n(key_gradient, key_floats, 0.0F);
      for (std::int64_t block = part; block < blocks; block += parts)
        for (std::int64_t t = block * kRowsOfAPart; t < std::min(n, (block + 1) * kRowsOfAPart); ++t)
          row_kl_[usize(t)] = row_loss(selection, t, mean_attention.row(t), grad_scale, key_gradient,
                                       scratch_[static_cast<std::size_t>(rank)]);
    }
  });
  if (gradient != nullptr) {
    sum_parts(exec_, rows_, partials_.data(), parts, key_floats, key_floats,
              projections_.key_gradient().data());
    projections_.backward(weights, h, *gradient);
  }
  return std::accumulate(row_kl_.begin(), row_kl_.begin() + n, 0.0) / static_cast<double>(n);
}

double SparseIndexer::row_loss(const Selection& selection, std::int64_t t, const float* target,
                               float grad_scale, float* key_gradient, Scratch& scratch) {
  const auto selected = selection.row(t);
  const auto count = static_cast<std::int64_t>(selected.size());
  const auto q = projections_.queries();
  GatherArgs args{.heads = shape_.heads,
                  .count = count,
                  .dim = projections_.padded_dim(),
                  .idx = selected.data(),
                  .rows = projections_.keys().data(),
                  .stride = projections_.padded_dim(),
                  .a = q.row(t, 0),
                  .a_row = q.stride(1),
                  .p = scratch.products.data(),
                  .p_row = topk_};
  rows_.gather_dots(args);
  std::fill_n(scratch.scores.data(), count, 0.0F);
  const auto w = projections_.head_weights(), dw = projections_.head_weight_gradient();
  for (std::int64_t j = 0; j < shape_.heads; ++j)
    rows_.add_relu(scratch.products.data() + j * topk_, w(t, j), count, scratch.scores.data());
  const double kl = rows_.kl_row(scratch.scores.data(), target, count, grad_scale);
  if (key_gradient == nullptr) return kl;

  for (std::int64_t j = 0; j < shape_.heads; ++j)
    dw(t, j) =
        rows_.relu_backward(scratch.scores.data(), scratch.products.data() + j * topk_, w(t, j), count);
  args.rows = key_gradient;
  rows_.scatter_add(args);
  args.rows = projections_.keys().data();
  args.a = projections_.query_gradient().row(t, 0);
  args.a_row = projections_.query_gradient().stride(1);
  rows_.gather_sum(args);
  return kl;
}

}  // namespace dsa::train
