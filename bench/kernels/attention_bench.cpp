// Attention, indexer and both together, at a depth of the cache.
#include "kernels/attention.h"

#include <map>

#include "cache.h"

namespace dsa::bench {
namespace {

// Rows of a prefill see one token more each.
double mean_visible(std::int64_t n, std::int64_t context) {
  return static_cast<double>(context) - static_cast<double>(n - 1) / 2;
}

void dense(benchmark::State& state, const Heads& h, std::int64_t n, std::int64_t context) {
  Cached cache(h.layout, context);
  Queries queries(h, n, context);
  const auto rows = cache.rows(n);
  run_and_report(state, queries.attention_cost(mean_visible(n, context)),
                 [&] { choose_kernels().attention(team(), queries.dense(cache.next(), rows)); });
}

void sparse(benchmark::State& state, const Heads& h, std::int64_t n, std::int64_t context) {
  Cached cache(h.layout, context);
  Queries queries(h, n, context);
  const auto rows = cache.rows(n);
  choose_kernels().indexer_select(team(), queries.select(cache.next(), rows));
  run_and_report(state, queries.attention_cost(static_cast<double>(h.topk)),
                 [&] { choose_kernels().attention(team(), queries.sparse(cache.next(), rows)); });
}

void indexer(benchmark::State& state, const Heads& h, std::int64_t n, std::int64_t context) {
  Cached cache(h.layout, context);
  Queries queries(h, n, context);
  const auto rows = cache.rows(n);
  run_and_report(state, queries.indexer_cost(mean_visible(n, context)),
                 [&] { choose_kernels().indexer_select(team(), queries.select(cache.next(), rows)); });
}

// What a layer of V3.2 does with its cache for one token, and how many times as fast as without a selection.
std::map<std::int64_t, double> dense_core_seconds;  // by context

void dense_core(benchmark::State& state, const Heads& h, std::int64_t context) {
  Cached cache(h.layout, context);
  Queries queries(h, 1, context);
  const auto rows = cache.rows(1);
  const double seconds =
      run(state, [&] { choose_kernels().attention(team(), queries.dense(cache.next(), rows)); });
  report(state, queries.attention_cost(static_cast<double>(context)), seconds);
  dense_core_seconds[context] = seconds;
}

void sparse_core(benchmark::State& state, const Heads& h, std::int64_t context) {
  Cached cache(h.layout, context);
  Queries queries(h, 1, context);
  const auto rows = cache.rows(1);
  const double seconds = run(state, [&] {
    const KvView kv = cache.next();
    choose_kernels().indexer_select(team(), queries.select(kv, rows));
    choose_kernels().attention(team(), queries.sparse(kv, rows));
  });
  Cost cost = queries.indexer_cost(static_cast<double>(context));
  cost += queries.attention_cost(static_cast<double>(h.topk));
  report(state, cost, seconds);
  if (const auto found = dense_core_seconds.find(context); found != dense_core_seconds.end())
    state.counters["x_dense"] = found->second / seconds;
}

void cache_write(benchmark::State& state, const Heads& h, std::int64_t n, std::int64_t context) {
  Cached cache(h.layout, context);
  const auto rows = cache.rows(n);
  const auto c = noise(n * h.layout.groups * h.layout.rank),
             pe = noise(n * h.layout.groups * h.layout.rope_dim), key = noise(n * h.layout.index_dim);
  const double elements = static_cast<double>(n * (h.layout.entry_elements() + h.layout.index_dim));
  run_and_report(state, {.bytes = elements * (sizeof(float) + sizeof(bf16))}, [&] {
    choose_kernels().cache_write(team(), {.c = {c.data(), {n, h.layout.groups, h.layout.rank}},
                                          .k_pe = {pe.data(), {n, h.layout.groups, h.layout.rope_dim}},
                                          .key = {key.data(), {n, h.layout.index_dim}},
                                          .kv = cache.next(),
                                          .rows = rows});
  });
}

constexpr std::int64_t k2K = 2048, k8K = 8192, k32K = 32768, k128K = 131072;

DSA_BENCH("attention/SmolLM2 dense decode 2K", dense, kSmol, 1, k2K);
DSA_BENCH("attention/SmolLM2 dense decode 8K", dense, kSmol, 1, k8K);
DSA_BENCH("attention/SmolLM2 dense decode 32K", dense, kSmol, 1, k32K);
DSA_BENCH("attention/SmolLM2 top 512 decode 8K", sparse, kSmol, 1, k8K);
DSA_BENCH("attention/SmolLM2 top 512 decode 32K", sparse, kSmol, 1, k32K);
DSA_BENCH("attention/SmolLM2 dense prefill 512 at 0", dense, kSmol, 512, 512);
DSA_BENCH("attention/SmolLM2 dense prefill 512 at 8K", dense, kSmol, 512, k8K);
DSA_BENCH("attention/SmolLM2 top 512 prefill 512 at 8K", sparse, kSmol, 512, k8K);
DSA_BENCH("attention/SmolLM2 top 512 prefill 512 at 32K", sparse, kSmol, 512, k32K);
DSA_BENCH("attention/V3.2 dense prefill 64 at 8K", dense, kV32, 64, k8K);
DSA_BENCH("attention/V3.2 top 2048 prefill 64 at 8K", sparse, kV32, 64, k8K);
DSA_BENCH("attention/V3.2 top 2048 decode 8K", sparse, kV32, 1, k8K);
DSA_BENCH("indexer/SmolLM2 4x32 decode 2K", indexer, kSmol, 1, k2K);
DSA_BENCH("indexer/SmolLM2 4x32 decode 8K", indexer, kSmol, 1, k8K);
DSA_BENCH("indexer/SmolLM2 4x32 decode 32K", indexer, kSmol, 1, k32K);
DSA_BENCH("indexer/SmolLM2 4x32 prefill 512 at 8K", indexer, kSmol, 512, k8K);
DSA_BENCH("indexer/SmolLM2 4x32 prefill 512 at 32K", indexer, kSmol, 512, k32K);
DSA_BENCH("indexer/V3.2 64x128 decode 8K", indexer, kV32, 1, k8K);
DSA_BENCH("indexer/V3.2 64x128 decode 128K", indexer, kV32, 1, k128K);
DSA_BENCH("indexer/V3.2 64x128 prefill 64 at 8K", indexer, kV32, 64, k8K);
DSA_BENCH("indexer/SmolLM2 4x32 int8 decode 8K", indexer, kSmolInt8, 1, k8K);
DSA_BENCH("indexer/SmolLM2 4x32 int8 decode 32K", indexer, kSmolInt8, 1, k32K);
DSA_BENCH("indexer/SmolLM2 4x32 int8 prefill 512 at 8K", indexer, kSmolInt8, 512, k8K);
DSA_BENCH("indexer/V3.2 64x128 int8 decode 8K", indexer, kV32Int8, 1, k8K);
DSA_BENCH("indexer/V3.2 64x128 int8 decode 128K", indexer, kV32Int8, 1, k128K);
DSA_BENCH("indexer/V3.2 64x128 int8 prefill 64 at 8K", indexer, kV32Int8, 64, k8K);
DSA_BENCH("core/V3.2 dense decode 8K", dense_core, kV32, k8K);
DSA_BENCH("core/V3.2 sparse decode 8K", sparse_core, kV32, k8K);
DSA_BENCH("core/V3.2 dense decode 32K", dense_core, kV32, k32K);
DSA_BENCH("core/V3.2 sparse decode 32K", sparse_core, kV32, k32K);
DSA_BENCH("core/V3.2 dense decode 128K", dense_core, kV32, k128K);
DSA_BENCH("core/V3.2 sparse decode 128K", sparse_core, kV32, k128K);
DSA_BENCH("cache_write/SmolLM2 decode", cache_write, kSmol, 1, k8K);
DSA_BENCH("cache_write/SmolLM2 prefill 512", cache_write, kSmol, 512, k8K);
DSA_BENCH("cache_write/V3.2 prefill 512", cache_write, kV32, 512, k8K);

}  // namespace
}  // namespace dsa::bench
