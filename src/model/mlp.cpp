#include "model/mlp.h"

#include <array>

namespace dsa {

void Mlp::forward(const Step& step, TensorView<const float, 2> x, TensorView<float, 2> y) const {
  const std::int64_t n = x.rows(), width = weights_.gate_proj.weight.rows;
  const TensorView<float, 2> gate(step.act.gate.data(), {n, width}), up(step.act.up.data(), {n, width});
  step.linear(x, std::array{output(weights_.gate_proj, gate), output(weights_.up_proj, up)});
  step.kernels.swiglu(step.exec, {.gate = gate, .up = up, .out = gate});
  step.linear(gate, std::array{output(weights_.down_proj, y)});
}

}  // namespace dsa
