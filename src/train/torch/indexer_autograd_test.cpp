// The hand-written gradient against libtorch's autograd.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "kernels/registry.h"
#include "testing/layer_case.h"
#include "testing/torch_indexer.h"

namespace dsa::train {
namespace {

torch::Tensor target(LayerCase& layer, const torch::Tensor& rows, const torch::Tensor& unseen,
                     float sum_share) {
  const AttentionInputs in = layer.inputs();
  const auto& s = layer.sizes();
  const auto q =
      tensor_of(in.q_pe.data(), {s.context, s.attention_heads, s.attention_dim}).index_select(0, rows);
  const auto k = tensor_of(in.k_pe.data(), {s.context, s.groups, s.attention_dim})
                     .repeat_interleave(s.attention_heads / s.groups, 1);
  const auto p = (torch::einsum("rhd,thd->hrt", {q, k}) * in.scale).masked_fill(unseen, -1e30).softmax(-1);
  const auto largest = p.amax(0);
  return sum_share * p.mean(0) + (1 - sum_share) * largest / largest.sum(-1, true);
}

TEST(IndexerAutograd, GradientMatchesLibtorch) {
  torch::set_num_threads(1);  // tests run beside each other: threads that wait for one another get nowhere
  CaseSizes sizes;
  sizes.context = 300;
  sizes.hidden = sizes.shape.hidden = 48;
  sizes.shape.heads = 4;
  sizes.shape.dim = 32;
  sizes.shape.rope_dim = 16;
  LayerCase layer(sizes, 5);
  std::vector<std::int32_t> rows;
  for (std::int32_t t = 2; t < 300; t += 5) rows.push_back(t);
  for (const float share : {0.0F, 0.4F, 1.0F}) {
    const auto row_ids = torch::tensor(std::vector<std::int64_t>(rows.begin(), rows.end()));
    const auto unseen = torch::arange(sizes.context).unsqueeze(0) > row_ids.unsqueeze(1);
    TorchIndexer oracle(sizes.shape, layer.parameters().layer(0), layer.rope(), sizes.context);
    const auto p = target(layer, row_ids, unseen, share);
    const auto h = tensor_of(layer.inputs().h.data(), {sizes.context, sizes.hidden});
    const auto log_q = oracle.scores(h, row_ids).masked_fill(unseen, -1e30).log_softmax(-1);
    const auto kl = (p * (p.clamp_min(1e-30).log() - log_q)).sum(-1).mean();
    kl.backward();

    Exec exec(2);
    IndexerLoss loss(sizes.shape, layer.loss_sizes(static_cast<std::int64_t>(rows.size())), layer.rope(),
                     exec, *choose_kernels().rows);
    IndexerTensors gradient(sizes.shape);
    const auto out = gradient.layer(0);
    const auto weights = std::as_const(layer.parameters()).layer(0);
    loss.read(layer.inputs());
    const LayerLoss ours = loss.layer(weights, {.rows = rows, .mix = {share}}, &out);
    EXPECT_NEAR(ours.kl, kl.item<double>(), 1e-5);
    const auto compare = [&](std::span<const float> mine, const torch::Tensor& leaf, const char* name) {
      const auto theirs = leaf.grad().contiguous().view(-1);
      ASSERT_GT(theirs.abs().max().item<double>(), 1e-2) << name << ": too small to be compared";
      for (std::size_t i = 0; i < mine.size(); ++i) {
        const double expected = theirs[static_cast<std::int64_t>(i)].item<double>();
        ASSERT_NEAR(mine[i], expected, 1e-5 + 1e-5 * std::abs(expected)) << name << " " << i;
      }
    };
    compare(out.wq, oracle.wq, "wq");
    compare(out.wk, oracle.wk, "wk");
    compare(out.weights_proj, oracle.ww, "weights_proj");
    compare(out.k_norm, oracle.norm, "k_norm");
    compare(out.k_norm_bias, oracle.bias, "k_norm_bias");
  }
}

}  // namespace
}  // namespace dsa::train
