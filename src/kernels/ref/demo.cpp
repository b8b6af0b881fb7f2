#include "kernels/quantize.h"
#include "kernels/ref/ref.h"

namespace dsa {

void ref::round_latents(Exec& exec, const RoundLatentsArgs& args) {
  exec.parallel_for(args.x.rows(), 4, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) act_quant(args.x.span(t), args.x.span(t));
  });
}

void ref::round_index_heads(Exec& exec, const RoundIndexHeadsArgs& args) {
  const auto to_bf16 = [](std::span<float> head) {
    for (float& value : head) value = static_cast<float>(bf16(value));
  };
  exec.parallel_for(args.x.rows(), 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t)
      for (std::int64_t h = 0; h < args.x.dim(1); ++h) {
        const auto head = args.x.span(t, h);
        to_bf16(head);
        hadamard(head);
        to_bf16(head);
        act_quant(head, head);
      }
  });
}

}  // namespace dsa
