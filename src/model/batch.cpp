#include "model/batch.h"

#include <fmt/format.h>

namespace dsa {

std::string describe(const SequenceStatus& status, std::int64_t layers) {
  const std::string where =
      status.bad_layer == layers ? "the logits" : fmt::format("the output of layer {}", status.bad_layer);
  return fmt::format(
      "{} held a NaN or an infinity at token {}: the weights are damaged, or their values "
      "overflow this arithmetic (try `compute` f32)",
      where, status.bad_position);
}

}  // namespace dsa
