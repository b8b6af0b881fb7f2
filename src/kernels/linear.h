// Products with stored weights.
#pragma once

#include "exec/exec.h"
#include "kernels/types.h"

namespace dsa {

struct LinearOutput {
  WeightView weight;            // [out, in], any dtype that can hold weights
  std::span<const float> bias;  // [out], or empty
  TensorView<float, 2> y;       // [n, out]; may not alias x
};

/// y_i[t, o] = sum_k x[t, k] * W_i[o, k] + bias_i[o], for all outputs i that read the same x
/// (q, k and v; gate and up).
///
/// Arithmetic, the same for every n, thread count and position in the batch
/// (a row's result never depends on another):
///   Compute::f32        float32 throughout, weights exactly dequantised
///                       (accumulation order is the family's own)
///   Compute::automatic  ggml block types: x rounded per 32 elements to int8 (q8_blocks(),
///                       kernels/quantize.h), products of one block exact in int32, blocks accumulated
///                       in float32 in ascending k; but elements of x larger than 6 times the row's root
///                       mean square (set_aside()) are 0 there, and their products with exactly dequantised
///                       weights are added last, in ascending k
///                       where KernelTable::bf16_products: x rounded to BF16 (nearest even), products summed
///                       in float32, those with BF16 over all inputs, those with F8_E4M3 over 128 and then
///                       scaled: |x| is to stay below 2^112, and below 2^-126 it counts as 0, as weights do
///                       else, and for F32 and F16, as Compute::f32
///   Compute::demo       F8_E4M3: x rounded per 128 elements to e4m3 with a power-of-two scale (act_quant(),
///                       kernels/quantize.h: inference/kernel.py act_quant), products in float32 (by
///                       bf16_products families, where e4m3 is exact); BF16: as f32; else automatic
/// n == 0 and out == 0 do nothing.  in is a whole number of the type's blocks (FP8: any).
struct LinearArgs {
  TensorView<const float, 2> x;  // [n, in]
  std::span<const LinearOutput> outputs;
  Compute compute = Compute::automatic;
  std::span<std::byte> scratch;  // at least linear_scratch_bytes(n, in); contents undefined before and after
};

/// Enough for every family and compute: room for x rounded in the formats above.
constexpr std::size_t linear_scratch_bytes(std::int64_t n, std::int64_t in) {
  // A float copy (FP8) takes 4 bytes an element, int8 with asides less than 3 and BF16 beside it 2; rows
  // padded to 256 elements.
  return static_cast<std::size_t>(n) * static_cast<std::size_t>((in + 255) / 256 * 256) * 5 + 512;
}

/// MLA's absorbed query: out[t, h, r] = sum_d q[t, h, d] * W[h * head_rows + d, r], d < q.dim(2).
/// (W_UK of each head stands in the first rows of the head's part of kv_b_proj.)
///
/// Arithmetic of both, the same for every n: float32 over exactly dequantised weights; but with
/// Compute::automatic, where KernelTable::bf16_products, over BF16 and F8_E4M3 weights as linear's: q, or o,
/// rounded to BF16, products summed in float32, those of F8_E4M3 128 at a time and then scaled.  A value of a
/// rank above 16,384 stays in float32.
struct AbsorbQueryArgs {
  TensorView<const float, 3> q;  // [n, heads, nope]; strided: the nope part of [n, heads, nope + rope]
  WeightView kv_b;               // [heads * head_rows, rank]
  std::int64_t head_rows = 0;    // nope + v_dim
  TensorView<float, 3> out;      // [n, heads, rank]
  Compute compute = Compute::automatic;
};

/// MLA's value up-projection:
/// out[t, h, d] = sum_r o[t, h, r] * W[h * head_rows + nope + d, r], d < out.dim(2).
struct ExpandValueArgs {
  TensorView<const float, 3> o;  // [n, heads, rank]
  WeightView kv_b;               // [heads * head_rows, rank]
  std::int64_t head_rows = 0;    // nope + v_dim
  TensorView<float, 3> out;      // [n, heads, v_dim]
  Compute compute = Compute::automatic;
};

/// out[t, :] = table[ids[t], :], exactly dequantised.  ids must lie in [0, rows):
/// the engine has checked them.
struct EmbeddingArgs {
  WeightView table;  // [vocab, hidden]
  std::span<const std::int32_t> ids;
  TensorView<float, 2> out;  // [n, hidden]
};

}  // namespace dsa
