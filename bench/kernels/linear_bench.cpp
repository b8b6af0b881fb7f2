// Products with stored weights.  Names: inputs x outputs.
#include "kernels/linear.h"

#include "support.h"

namespace dsa::bench {
namespace {

Cost product_cost(DType type, double bytes, std::int64_t n, std::int64_t in, std::int64_t out) {
  Cost cost{.bytes = bytes};
  const double ops = 2 * static_cast<double>(n) * static_cast<double>(in * out);
  (type == DType::f32 ? cost.fp32_ops : is_quantized_block(type) ? cost.int8_ops : cost.bf16_ops) = ops;
  return cost;
}

void linear(benchmark::State& state, DType type, std::int64_t n, std::int64_t in, std::int64_t out,
            std::int64_t copies) {
  Matrices weights(type, in, out, copies);
  const auto x = noise(n * in);
  std::vector<float> y(static_cast<std::size_t>(n * out));
  std::vector<std::byte> scratch(linear_scratch_bytes(n, in));
  run_and_report(state, product_cost(type, weights.bytes(), n, in, out), [&] {
    const LinearOutput output{weights.next(), {}, {y.data(), {n, out}}};
    choose_kernels().linear(team(), {.x = {x.data(), {n, in}},
                                     .outputs = {&output, 1},
                                     .compute = Compute::automatic,
                                     .scratch = scratch});
  });
}

void embedding(benchmark::State& state, DType type, std::int64_t n, std::int64_t hidden, std::int64_t vocab) {
  const Matrices table(type, hidden, vocab, 1);
  std::vector<std::int32_t> ids;
  for (std::int64_t t = 0; t < n; ++t) ids.push_back(static_cast<std::int32_t>(t * 7919 % vocab));
  std::vector<float> out(static_cast<std::size_t>(n * hidden));
  const double row = table.bytes() / static_cast<double>(vocab);
  run_and_report(state, {.bytes = row * static_cast<double>(n)}, [&] {
    choose_kernels().embedding(team(), {.table = table.at(0), .ids = ids, .out = {out.data(), {n, hidden}}});
  });
}

void pack(benchmark::State& state, DType type, std::int64_t in, std::int64_t out) {
  const KernelTable& kernels = choose_kernels();
  const Matrices weights(type, in, out, 1);
  const std::size_t bytes = kernels.packed_bytes(weights.at(0));
  if (bytes == 0) return state.SkipWithError("this family packs nothing of that type");
  const Buffer packed(bytes, "packed weights");
  const double row_bytes = static_cast<double>(weights.at(0).row_bytes);
  run_and_report(state, {.bytes = row_bytes * static_cast<double>(out) + static_cast<double>(bytes)},
                 [&] { kernels.pack(team(), weights.at(0), packed.bytes()); });
}

// V3.2: kv_b_proj of 128 heads of 128 + 128 rows, rank 512.
constexpr std::int64_t kHeads = 128, kNope = 128, kValue = 128, kRank = 512;

void absorb_query(benchmark::State& state, DType type, std::int64_t n) {
  Matrices kv_b(type, kRank, kHeads * (kNope + kValue), 8);
  const auto q = noise(n * kHeads * kNope);
  std::vector<float> out(static_cast<std::size_t>(n * kHeads * kRank));
  run_and_report(state, product_cost(type, kv_b.bytes() / 2, n, kRank, kHeads * kNope), [&] {
    choose_kernels().absorb_query(team(), {.q = {q.data(), {n, kHeads, kNope}},
                                           .kv_b = kv_b.next(),
                                           .head_rows = kNope + kValue,
                                           .out = {out.data(), {n, kHeads, kRank}}});
  });
}

void expand_value(benchmark::State& state, DType type, std::int64_t n) {
  Matrices kv_b(type, kRank, kHeads * (kNope + kValue), 8);
  const auto o = noise(n * kHeads * kRank);
  std::vector<float> out(static_cast<std::size_t>(n * kHeads * kValue));
  run_and_report(state, product_cost(type, kv_b.bytes() / 2, n, kRank, kHeads * kValue), [&] {
    choose_kernels().expand_value(team(), {.o = {o.data(), {n, kHeads, kRank}},
                                           .kv_b = kv_b.next(),
                                           .head_rows = kNope + kValue,
                                           .out = {out.data(), {n, kHeads, kValue}}});
  });
}

// SmolLM2-135M
DSA_BENCH("linear/Q4_1 576x576 decode", linear, DType::q4_1, 1, 576, 576, 240);
DSA_BENCH("linear/Q4_1 576x1536 decode", linear, DType::q4_1, 1, 576, 1536, 90);
DSA_BENCH("linear/Q4_1 1536x576 decode", linear, DType::q4_1, 1, 1536, 576, 90);
DSA_BENCH("linear/Q8_0 576x49152 decode (logits)", linear, DType::q8_0, 1, 576, 49152, 4);
DSA_BENCH("linear/Q4_1 576x576 prefill 512", linear, DType::q4_1, 512, 576, 576, 8);
DSA_BENCH("linear/Q4_1 576x1536 prefill 512", linear, DType::q4_1, 512, 576, 1536, 8);
DSA_BENCH("linear/Q4_1 1536x576 prefill 512", linear, DType::q4_1, 512, 1536, 576, 8);
DSA_BENCH("linear/Q4_0 576x1536 prefill 512", linear, DType::q4_0, 512, 576, 1536, 8);
DSA_BENCH("linear/BF16 576x128 decode (indexer query)", linear, DType::bf16, 1, 576, 128, 30);
DSA_BENCH("linear/BF16 576x128 prefill 512 (indexer query)", linear, DType::bf16, 512, 576, 128, 30);
DSA_BENCH("embedding/Q8_0 576x49152 prefill 512", embedding, DType::q8_0, 512, 576, 49152);
DSA_BENCH("pack/Q4_1 576x1536", pack, DType::q4_1, 576, 1536);
DSA_BENCH("pack/Q8_0 576x49152", pack, DType::q8_0, 576, 49152);
// Other block types, at the width of a 1B model.
DSA_BENCH("linear/Q4_K 2048x8192 decode", linear, DType::q4_k, 1, 2048, 8192, 16);
DSA_BENCH("linear/Q6_K 2048x8192 decode", linear, DType::q6_k, 1, 2048, 8192, 12);
DSA_BENCH("linear/BF16 2048x8192 decode", linear, DType::bf16, 1, 2048, 8192, 5);
DSA_BENCH("linear/Q4_K 2048x2048 prefill 512", linear, DType::q4_k, 512, 2048, 2048, 8);
DSA_BENCH("linear/BF16 2048x2048 prefill 512", linear, DType::bf16, 512, 2048, 2048, 4);
// DeepSeek-V3.2
DSA_BENCH("linear/F8_E4M3 7168x2048 decode", linear, DType::f8_e4m3, 1, 7168, 2048, 10);
DSA_BENCH("linear/F8_E4M3 7168x18432 decode", linear, DType::f8_e4m3, 1, 7168, 18432, 2);
DSA_BENCH("linear/F8_E4M3 1536x24576 decode", linear, DType::f8_e4m3, 1, 1536, 24576, 4);
DSA_BENCH("linear/F8_E4M3 16384x7168 decode", linear, DType::f8_e4m3, 1, 16384, 7168, 2);
DSA_BENCH("linear/F8_E4M3 7168x2048 decode of 2", linear, DType::f8_e4m3, 2, 7168, 2048, 10);
DSA_BENCH("linear/F8_E4M3 7168x2048 decode of 3", linear, DType::f8_e4m3, 3, 7168, 2048, 10);
DSA_BENCH("linear/F8_E4M3 7168x2048 decode of 4", linear, DType::f8_e4m3, 4, 7168, 2048, 10);
DSA_BENCH("linear/F8_E4M3 7168x2048 decode of 16", linear, DType::f8_e4m3, 16, 7168, 2048, 10);
DSA_BENCH("linear/F8_E4M3 7168x2048 prefill 512", linear, DType::f8_e4m3, 512, 7168, 2048, 10);
DSA_BENCH("linear/F8_E4M3 1536x24576 prefill 512", linear, DType::f8_e4m3, 512, 1536, 24576, 4);
DSA_BENCH("linear/BF16 7168x256 decode (router)", linear, DType::bf16, 1, 7168, 256, 36);
DSA_BENCH("absorb_query/F8_E4M3 V3.2 decode", absorb_query, DType::f8_e4m3, 1);
DSA_BENCH("absorb_query/F8_E4M3 V3.2 prefill 64", absorb_query, DType::f8_e4m3, 64);
DSA_BENCH("expand_value/F8_E4M3 V3.2 decode", expand_value, DType::f8_e4m3, 1);
DSA_BENCH("expand_value/F8_E4M3 V3.2 prefill 64", expand_value, DType::f8_e4m3, 64);

}  // namespace
}  // namespace dsa::bench
