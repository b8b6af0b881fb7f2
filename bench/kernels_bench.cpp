// Speed of the kernel family that DSA_KERNELS names (default: the best one), at the shapes of SmolLM2-135M
// and of DeepSeek-V3.2, on DSA_THREADS threads.  Every row shows its share of the machine: `read` is the
// measured read bandwidth; GB/s of the other rows stands beside it, GMAC/s are multiply-adds.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "exec/exec.h"
#include "kernels/registry.h"
#include "tensor/buffer.h"

namespace dsa {
namespace {

Exec& team() {
  static Exec exec(Exec::default_threads());
  return exec;
}

std::vector<float> noise(std::int64_t count) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> value(-1, 1);
  std::vector<float> out(static_cast<std::size_t>(count));
  for (float& v : out) v = value(random);
  return out;
}

/// bytes and multiply-adds of one iteration.
void report(benchmark::State& state, double bytes, double macs) {
  const auto times = static_cast<double>(state.iterations());
  state.counters["GB/s"] = benchmark::Counter(bytes * times / 1e9, benchmark::Counter::kIsRate);
  if (macs > 0)
    state.counters["GMAC/s"] = benchmark::Counter(macs * times / 1e9, benchmark::Counter::kIsRate);
}

void read_bandwidth(benchmark::State& state) {
  constexpr std::int64_t kParts = 64;
  const Buffer memory(std::size_t{256} << 20, "the bandwidth test");
  std::memset(memory.data(), 1, memory.size());
  const auto words = static_cast<std::int64_t>(memory.size() / 8) / kParts;
  std::vector<std::uint64_t> sums(kParts);
  for ([[maybe_unused]] const auto _ : state)
    team().parallel_for(kParts, 1, [&](std::int64_t begin, std::int64_t, int) {
      const auto* at = memory.as<std::uint64_t>() + begin * words;
      std::uint64_t sum[8] = {};
      for (std::int64_t i = 0; i < words; i += 8)
        for (int k = 0; k < 8; ++k) sum[k] += at[i + k];
      for (const auto s : sum) sums[static_cast<std::size_t>(begin)] += s;
    });
  benchmark::DoNotOptimize(sums.data());
  report(state, static_cast<double>(memory.size()), 0);
}
BENCHMARK(read_bandwidth)->UseRealTime();

/// x [n, in] times `copies` matrices of one shape, one after the other, so that small ones come from memory
/// as in a model.
void linear(benchmark::State& state, DType type, std::int64_t n, std::int64_t in, std::int64_t out,
            std::int64_t copies) {
  const KernelTable& kernels = choose_kernels();
  const std::size_t row_bytes = *storage_bytes(type, in);
  const Buffer data(row_bytes * static_cast<std::size_t>(out * copies), "weights");
  std::mt19937 random(2);
  // Small exponents everywhere: halves, bfloats and scales built of these bytes are finite.
  for (std::byte& b : data.bytes()) b = static_cast<std::byte>(random() & 0x3F);
  const std::vector<float> scales(static_cast<std::size_t>((in / kScaleBlock + 1) * (out / kScaleBlock + 1)),
                                  1.0F);
  std::vector<WeightView> weights;
  std::vector<Buffer> packed;
  for (std::int64_t c = 0; c < copies; ++c) {
    WeightView w{.type = type,
                 .rows = out,
                 .cols = in,
                 .data = data.data() + row_bytes * static_cast<std::size_t>(out * c),
                 .row_bytes = row_bytes};
    w.scales = scales.data();
    w.scale_stride = in / kScaleBlock + 1;
    if (const std::size_t bytes = kernels.packed_bytes(w); bytes != 0) {
      packed.emplace_back(bytes, "packed weights");
      kernels.pack(team(), w, packed.back().bytes());
      w.packed = packed.back().data();
    }
    weights.push_back(w);
  }
  const auto x = noise(n * in);
  std::vector<float> y(static_cast<std::size_t>(n * out));
  std::vector<std::byte> scratch(linear_scratch_bytes(n, in));
  std::size_t turn = 0;
  for ([[maybe_unused]] const auto _ : state) {
    const LinearOutput output{weights[turn++ % weights.size()], {}, {y.data(), {n, out}}};
    kernels.linear(team(), {.x = {x.data(), {n, in}},
                            .outputs = {&output, 1},
                            .compute = Compute::automatic,
                            .scratch = scratch});
  }
  report(state, static_cast<double>(row_bytes) * static_cast<double>(out), static_cast<double>(n * in * out));
}

/// A cache of `context` tokens and what attention and indexer read of it, `layers` times.
struct Cached {
  KvLayout layout;
  std::int64_t context;
  std::vector<Buffer> memory;
  std::vector<std::int32_t> pages;

  Cached(KvLayout l, std::int64_t tokens, std::int64_t layers) : layout(l), context(tokens) {
    const std::int64_t count = (tokens + kPageTokens - 1) / kPageTokens;
    for (std::int64_t p = 0; p < count; ++p) pages.push_back(static_cast<std::int32_t>(p));
    const auto values = noise(4096);
    for (std::int64_t i = 0; i < layers; ++i) {
      memory.emplace_back(layout.page_bytes() * static_cast<std::size_t>(count), "cache");
      auto* at = memory.back().as<bf16>();
      for (std::size_t e = 0; e < memory.back().size() / 2; ++e) at[e] = bf16(values[e % values.size()]);
    }
  }
  [[nodiscard]] KvView view(std::size_t turn) const { return {layout, memory[turn % memory.size()].data()}; }
  /// The last n tokens.
  [[nodiscard]] std::vector<KvRow> rows(std::int64_t n) const {
    std::vector<KvRow> out;
    for (std::int64_t t = 0; t < n; ++t) out.push_back({pages.data(), context - n + 1 + t});
    return out;
  }
};

struct Heads {
  KvLayout layout;
  std::int64_t heads;
  bool absorbed;
  std::int64_t layers;
};
const Heads kSmol{{.groups = 3, .rank = 64, .rope_dim = 64, .index_dim = 32}, 9, false, 30};
const Heads kV32{{.groups = 1, .rank = 512, .rope_dim = 64, .index_dim = 128}, 128, true, 4};

/// topk 0: dense.
void attention(benchmark::State& state, const Heads& h, std::int64_t n, std::int64_t context,
               std::int64_t topk) {
  const Cached cache(h.layout, context, h.layers);
  const auto rows = cache.rows(n);
  const std::int64_t rank = h.layout.rank, rope = h.layout.rope_dim;
  const auto q_c = noise(n * h.heads * rank), q_pe = noise(n * h.heads * rope);
  std::vector<float> out(static_cast<std::size_t>(n * h.heads * rank));
  std::vector<std::byte> scratch(attention_scratch_bytes(team().threads(), n, h.heads, rank, rope, context));
  std::vector<std::int32_t> idx;
  std::vector<std::int32_t> count(static_cast<std::size_t>(n), static_cast<std::int32_t>(topk));
  for (std::int64_t i = 0; i < n * topk; ++i)
    idx.push_back(static_cast<std::int32_t>(i % topk * (context - n) / std::max<std::int64_t>(topk, 1)));
  AttentionArgs args;
  args.rows = rows;
  args.scale = 0.1F;
  args.out = {out.data(), {n, h.heads, rank}};
  args.scratch = scratch;
  if (h.absorbed) args.q_c = {q_c.data(), {n, h.heads, rank}};
  args.q_pe = {q_pe.data(), {n, h.heads, rope}};
  if (topk > 0) {
    args.idx = {idx.data(), {n, topk}};
    args.count = count;
  }
  std::size_t turn = 0;
  for ([[maybe_unused]] const auto _ : state) {
    args.kv = cache.view(turn++);
    choose_kernels().attention(team(), args);
  }
  const auto tokens = static_cast<double>(topk > 0 ? topk : context - n / 2);
  const auto entry = static_cast<double>(h.layout.entry_elements()) * 2;
  const auto macs = static_cast<double>(n * h.heads * (rank * (h.absorbed ? 2 : 1) + rope));
  report(state, tokens * entry, tokens * macs);
}

void indexer(benchmark::State& state, const Heads& h, std::int64_t n, std::int64_t context,
             std::int64_t heads, std::int64_t topk) {
  const Cached cache(h.layout, context, h.layers);
  const auto rows = cache.rows(n);
  const std::int64_t dim = h.layout.index_dim;
  const auto q = noise(n * heads * dim), w = noise(n * heads);
  std::vector<std::int32_t> idx(static_cast<std::size_t>(n * topk)), count(static_cast<std::size_t>(n));
  std::vector<std::byte> scratch(indexer_scratch_bytes(team().threads(), context));
  std::size_t turn = 0;
  for ([[maybe_unused]] const auto _ : state)
    choose_kernels().indexer_select(team(), {.q = {q.data(), {n, heads, dim}},
                                             .w = {w.data(), {n, heads}},
                                             .kv = cache.view(turn++),
                                             .rows = rows,
                                             .topk = topk,
                                             .idx = {idx.data(), {n, topk}},
                                             .count = count,
                                             .scratch = scratch});
  const auto tokens = static_cast<double>(context - n / 2);
  report(state, tokens * static_cast<double>(dim) * 2, tokens * static_cast<double>(n * heads * dim));
}

// clang-format off: a table
#define DSA_BENCH(name, ...) BENCHMARK_CAPTURE(__VA_ARGS__)->UseRealTime()->Name(name)
DSA_BENCH("linear/Q4_1 576x1536 decode", linear, a1, DType::q4_1, 1, 576, 1536, 90);
DSA_BENCH("linear/Q4_1 1536x576 decode", linear, a2, DType::q4_1, 1, 1536, 576, 90);
DSA_BENCH("linear/Q8_0 576x49152 decode (logits)", linear, a3, DType::q8_0, 1, 576, 49152, 2);
DSA_BENCH("linear/Q4_1 576x1536 prefill 512", linear, a4, DType::q4_1, 512, 576, 1536, 8);
DSA_BENCH("linear/Q4_0 576x1536 prefill 512", linear, a5, DType::q4_0, 512, 576, 1536, 8);
DSA_BENCH("linear/Q4_K 2048x2048 prefill 512", linear, a6, DType::q4_k, 512, 2048, 2048, 8);
DSA_BENCH("linear/Q4_K 2048x8192 decode", linear, a7, DType::q4_k, 1, 2048, 8192, 8);
DSA_BENCH("linear/Q6_K 2048x8192 decode", linear, a8, DType::q6_k, 1, 2048, 8192, 8);
DSA_BENCH("linear/BF16 2048x8192 decode", linear, a9, DType::bf16, 1, 2048, 8192, 4);
DSA_BENCH("linear/BF16 2048x2048 prefill 512", linear, a10, DType::bf16, 512, 2048, 2048, 4);
DSA_BENCH("linear/F8_E4M3 7168x2048 decode", linear, a11, DType::f8_e4m3, 1, 7168, 2048, 8);
DSA_BENCH("linear/F8_E4M3 7168x2048 prefill 64", linear, a12, DType::f8_e4m3, 64, 7168, 2048, 8);
DSA_BENCH("attention/SmolLM2 dense decode 2K", attention, b1, kSmol, 1, 2048, 0);
DSA_BENCH("attention/SmolLM2 dense decode 8K", attention, b2, kSmol, 1, 8192, 0);
DSA_BENCH("attention/SmolLM2 top 512 decode 8K", attention, b3, kSmol, 1, 8192, 512);
DSA_BENCH("attention/SmolLM2 dense prefill 512 at 0", attention, b4, kSmol, 512, 512, 0);
DSA_BENCH("attention/SmolLM2 dense prefill 512 at 8K", attention, b5, kSmol, 512, 8192, 0);
DSA_BENCH("attention/SmolLM2 top 512 prefill 512 at 8K", attention, b6, kSmol, 512, 8192, 512);
DSA_BENCH("attention/V3.2 dense decode 8K", attention, b7, kV32, 1, 8192, 0);
DSA_BENCH("attention/V3.2 top 2048 decode 8K", attention, b8, kV32, 1, 8192, 2048);
DSA_BENCH("indexer/4x32 decode 8K", indexer, c1, kSmol, 1, 8192, 4, 512);
DSA_BENCH("indexer/4x32 decode 32K", indexer, c2, kSmol, 1, 32768, 4, 512);
DSA_BENCH("indexer/4x32 prefill 512 at 8K", indexer, c3, kSmol, 512, 8192, 4, 512);
DSA_BENCH("indexer/V3.2 64x128 decode 8K", indexer, c4, kV32, 1, 8192, 64, 2048);
// clang-format on

}  // namespace
}  // namespace dsa
