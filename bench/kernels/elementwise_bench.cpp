// The small ops.  Their rows stay in the cache, so a share of the read bandwidth may be above 100 %; with one
// row what is measured is the call.
#include "support.h"

namespace dsa::bench {
namespace {

struct Rows {
  std::int64_t n, width;
  std::vector<float> x, y;
  Rows(std::int64_t rows, std::int64_t columns) : n(rows), width(columns), x(noise(n * width)), y(x) {}
  [[nodiscard]] TensorView<const float, 2> in() const { return {x.data(), {n, width}}; }
  [[nodiscard]] TensorView<float, 2> out() { return {y.data(), {n, width}}; }
  /// `times` passes over all of it.
  [[nodiscard]] Cost cost(double times) const {
    return {.bytes = times * sizeof(float) * static_cast<double>(n * width)};
  }
};

void rms_norm(benchmark::State& state, std::int64_t n, std::int64_t dim) {
  Rows rows(n, dim);
  const auto weight = noise(dim);
  run_and_report(state, rows.cost(2), [&] {
    choose_kernels().rms_norm(team(), {.x = rows.in(), .weight = weight, .eps = 1e-6F, .y = rows.out()});
  });
}

void layer_norm(benchmark::State& state, std::int64_t n, std::int64_t dim) {
  Rows rows(n, dim);
  const auto weight = noise(dim);
  run_and_report(state, rows.cost(2), [&] {
    choose_kernels().layer_norm(
        team(), {.x = rows.in(), .weight = weight, .bias = weight, .eps = 1e-6F, .y = rows.out()});
  });
}

void rope(benchmark::State& state, std::int64_t n, std::int64_t heads, std::int64_t dim, RopeLayout layout) {
  Rows rows(n, heads * dim);
  const auto angles = noise(n * dim);
  run_and_report(state, rows.cost(2), [&] {
    choose_kernels().rope(team(), {.x = {rows.y.data(), {n, heads, dim}},
                                   .dim = dim,
                                   .layout = layout,
                                   .cos_sin = {angles.data(), {n, dim}}});
  });
}

void swiglu(benchmark::State& state, std::int64_t n, std::int64_t dim) {
  Rows rows(n, dim);
  run_and_report(state, rows.cost(3), [&] {
    choose_kernels().swiglu(team(), {.gate = rows.in(), .up = rows.in(), .out = rows.out()});
  });
}

void add_rows(benchmark::State& state, std::int64_t n, std::int64_t dim) {
  Rows rows(n, dim);
  run_and_report(state, rows.cost(3), [&] {
    choose_kernels().add_rows(team(), {.x = rows.in(), .rows = {}, .scale = {}, .y = rows.out()});
  });
}

// V3.2: 256 experts in 8 groups, 4 of them kept, 8 experts chosen.
void gate(benchmark::State& state, std::int64_t n) {
  constexpr std::int64_t kExperts = 256, kChosen = 8;
  const Rows rows(n, kExperts);
  const auto bias = noise(kExperts);
  std::vector<std::int32_t> ids(static_cast<std::size_t>(n * kChosen));
  std::vector<float> weights(ids.size());
  run_and_report(state, rows.cost(1), [&] {
    choose_kernels().gate(team(), {.logits = rows.in(),
                                   .bias = bias,
                                   .groups = 8,
                                   .topk_groups = 4,
                                   .topk = kChosen,
                                   .route_scale = 2.5F,
                                   .ids = {ids.data(), {n, kChosen}},
                                   .weights = {weights.data(), {n, kChosen}}});
  });
}

constexpr auto kHalves = RopeLayout::half_split, kPairs = RopeLayout::interleaved;

DSA_BENCH("rms_norm/SmolLM2 576 decode", rms_norm, 1, 576);
DSA_BENCH("rms_norm/SmolLM2 576 prefill 512", rms_norm, 512, 576);
DSA_BENCH("rms_norm/V3.2 7168 prefill 512", rms_norm, 512, 7168);
DSA_BENCH("layer_norm/SmolLM2 32 (index keys) prefill 512", layer_norm, 512, 32);
DSA_BENCH("rope/SmolLM2 9x64 decode", rope, 1, 9, 64, kHalves);
DSA_BENCH("rope/SmolLM2 9x64 prefill 512", rope, 512, 9, 64, kHalves);
DSA_BENCH("rope/V3.2 128x64 prefill 512", rope, 512, 128, 64, kPairs);
DSA_BENCH("swiglu/SmolLM2 1536 decode", swiglu, 1, 1536);
DSA_BENCH("swiglu/SmolLM2 1536 prefill 512", swiglu, 512, 1536);
DSA_BENCH("swiglu/V3.2 18432 prefill 512", swiglu, 512, 18432);
DSA_BENCH("add_rows/SmolLM2 576 decode", add_rows, 1, 576);
DSA_BENCH("add_rows/SmolLM2 576 prefill 512", add_rows, 512, 576);
DSA_BENCH("gate/V3.2 256 experts decode", gate, 1);
DSA_BENCH("gate/V3.2 256 experts prefill 512", gate, 512);

}  // namespace
}  // namespace dsa::bench
