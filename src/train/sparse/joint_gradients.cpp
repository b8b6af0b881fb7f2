#include "train/sparse/joint_gradients.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "train/loop/clip.h"

namespace dsa::train {
namespace {

void check_main(const FlatTensors& gradient, double norm) {
  if (std::isfinite(norm)) return;
  const auto values = gradient.values();
  const auto bad = std::ranges::find_if(values, [](float x) { return !std::isfinite(x); });
  if (bad == values.end()) fail("language model: the gradient's norm is not a finite number");
  fail("{}: the gradient is not a finite number", gradient.at(bad - values.begin()).name);
}

}  // namespace

GradientNorms clip_and_check(const JointGradients& gradients, const JointLosses& losses, double clip,
                             Exec& exec) {
  const double main = clip_norm(gradients.main.values(), clip, exec);
  const auto layers = clip_layers(gradients.indexer, clip, exec);
  check_finite(losses.indexer, layers);
  if (!std::ranges::all_of(losses.main, [](double loss) { return std::isfinite(loss); }))
    fail("language model: the loss is not a finite number");
  check_main(gradients.main, main);
  return {.main = main, .indexer = layers.empty() ? 0 : std::ranges::max(layers)};
}

}  // namespace dsa::train
