// Our optimizer beside libtorch's: the same bits, so that a training begun with either goes on with the
// other.
#include <gtest/gtest.h>
#include <torch/nn/module.h>
#include <torch/optim/adamw.h>
#include <torch/utils.h>

#include <cmath>

#include "testing/runnable_rows.h"
#include "train/loop/adamw.h"

namespace dsa::train {
namespace {

TEST(AdamW, IsLibtorchsBitForBit) {
  torch::set_num_threads(1);  // tests run beside each other
  Exec exec(2);
  for (const std::int64_t size : {1, 7, 8, 17, 100'003}) {
    std::vector<float> ours = test::random(size, 1), theirs = ours;
    AdamW adam(ours, exec, *choose_kernels().rows);
    const auto parameter = torch::from_blob(theirs.data(), {size}).requires_grad_(true);
    torch::optim::AdamW torch_adam(
        {parameter},
        torch::optim::AdamWOptions(1).betas({AdamW::kBeta1, AdamW::kBeta2}).eps(AdamW::kEps).weight_decay(0));
    for (int step = 0; step < 20; ++step) {
      auto g = test::random(size, 2 + static_cast<std::uint64_t>(step));
      for (std::size_t i = 0; i < g.size(); ++i) g[i] *= std::pow(10.0F, static_cast<float>(step % 9 - 6));
      if (step % 3 == 0)
        for (std::size_t i = 0; i < g.size(); i += 2) g[i] = 0;
      const double rate = 1e-3 * (step + 1);
      adam.step(g, rate);
      parameter.mutable_grad() = torch::from_blob(g.data(), {size});
      static_cast<torch::optim::AdamWOptions&>(torch_adam.param_groups().front().options()).lr(rate);
      torch_adam.step();
      ASSERT_EQ(ours, theirs) << size << " numbers, step " << step;
    }
  }
}

}  // namespace
}  // namespace dsa::train
