#include "bench/report.h"

#include <fmt/format.h>

#include "base/error.h"
#include "bench/model_bench.h"

namespace dsa {
namespace {

using Json = nlohmann::ordered_json;

double seconds(const BenchRow& row) { return static_cast<double>(row.tokens) / row.tok_s.median; }

Json to_json(const BenchRow& row, const Machine& machine) {
  return {{"attention", row.attention},
          {"depth", row.depth},
          {"phase", row.phase},
          {"tokens", row.tokens},
          {"sequences", row.side.sequences},
          {"shared", row.side.shared},
          {"tok_s", row.tok_s.median},
          {"tok_s_min", row.tok_s.min},
          {"tok_s_max", row.tok_s.max},
          {"gb_s", gb_s(row)},
          {"ceiling_share", ceiling_share(row, machine)},
          {"bound", name(least_time(row.cost.total(), machine).bound)},
          {"cost", to_json(row.cost)}};
}

// "decode of 4"
std::string phase(const BenchRow& row) {
  return row.side.sequences == 1 ? row.phase : fmt::format("{} of {}", row.phase, row.side.sequences);
}

std::string mib(std::int64_t bytes) {
  return fmt::format("{:.0f} MiB", static_cast<double>(bytes) / (1 << 20));
}

std::string to_text(const Machine& m) {
  const std::string read = m.working_bytes == 0
                               ? ""
                               : fmt::format(" over the {} that a token reads; beyond the caches {:.1f}",
                                             mib(m.working_bytes), m.memory_gb_s);
  return fmt::format(
      "machine  {}, {} cores, {} threads\n"
      "         read {:.1f} GB/s{}\n"
      "         fp32 {:.0f} GFLOP/s ({})\n"
      "         bf16 {:.0f} GFLOP/s ({})\n"
      "         int8 {:.0f} GOP/s ({})\n",
      printable(m.cpu), m.cores, m.threads, m.read_gb_s, read, m.fp32_gflop_s, m.fp32_how, m.bf16_gflop_s,
      m.bf16_how, m.int8_gop_s, m.int8_how);
}

std::string to_text(const BenchLoad& l) {
  return fmt::format(
      "{:<8} loaded in {:.0f} ms, first token of a {}-token prompt after {:.0f} ms, peak memory {}\n"
      "         indexer {}, top-k {}, cache {} bytes a token, a decoded token reads {} of weights\n",
      l.attention, l.load_ms, l.first_prompt_tokens, l.first_token_ms, mib(l.peak_rss_bytes), l.indexer,
      l.topk > 0 ? fmt::to_string(l.topk) : "-", l.cache_bytes_per_token, mib(l.weight_bytes));
}

}  // namespace

BenchLoad load_of(const ModelBench& bench) {
  const Transformer& model = bench.model().transformer();
  return {.attention = bench.attention() == AttentionMode::dense ? "dense" : "sparse",
          .indexer = bench.indexer_name(),
          .topk = bench.topk(),
          .load_ms = bench.load_ms(),
          .cache_bytes_per_token = static_cast<std::int64_t>(kv_token_bytes(model.config(), model.compute())),
          .weight_bytes = static_cast<std::int64_t>(bench.decode_cost(0, 1).total().bytes)};
}

double gb_s(const BenchRow& row) { return row.cost.total().bytes / seconds(row) / 1e9; }

double ceiling_share(const BenchRow& row, const Machine& machine) {
  return least_time(row.cost.total(), machine).seconds / seconds(row);
}

Json to_json(const Machine& m) {
  return {{"cpu", m.cpu},
          {"cores", m.cores},
          {"threads", m.threads},
          {"read_gb_s", m.read_gb_s},
          {"memory_gb_s", m.memory_gb_s},
          {"working_bytes", m.working_bytes},
          {"fp32_gflop_s", m.fp32_gflop_s},
          {"bf16_gflop_s", m.bf16_gflop_s},
          {"int8_gop_s", m.int8_gop_s},
          {"fp32_how", m.fp32_how},
          {"bf16_how", m.bf16_how},
          {"int8_how", m.int8_how}};
}

Json to_json(const BenchLoad& l) {
  Json json = {{"attention", l.attention}, {"indexer", l.indexer}, {"topk", l.topk}, {"load_ms", l.load_ms}};
  if (l.first_prompt_tokens > 0) {
    json["prompt_tokens"] = l.first_prompt_tokens;
    json["ttft_ms"] = l.first_token_ms;
  }
  json["cache_bytes_per_token"] = l.cache_bytes_per_token;
  json["weight_bytes"] = l.weight_bytes;
  if (l.peak_rss_bytes > 0) json["peak_rss_bytes"] = l.peak_rss_bytes;
  return json;
}

Json to_json(const Cost& c) {
  return {{"bytes", c.bytes}, {"fp32_ops", c.fp32_ops}, {"bf16_ops", c.bf16_ops}, {"int8_ops", c.int8_ops}};
}

Json to_json(const PassCost& c) {
  return {{"weights", to_json(c.weights)},
          {"experts", to_json(c.experts)},
          {"head", to_json(c.head)},
          {"attention", to_json(c.attention)},
          {"scores", to_json(c.scores)}};
}

Json to_json(const BenchReport& report) {
  Json loads = Json::array(), rows = Json::array();
  for (const auto& load : report.loads) loads.push_back(to_json(load));
  for (const auto& row : report.rows) rows.push_back(to_json(row, report.machine));
  return {
      {"machine", to_json(report.machine)}, {"model", report.model}, {"architecture", report.architecture},
      {"kernels", report.kernels},          {"loads", loads},        {"rows", rows}};
}

std::string to_text(const BenchReport& report) {
  std::string out = to_text(report.machine);
  out += fmt::format("model    {} ({}), kernels {}\n", printable(report.model, 1000), report.architecture,
                     report.kernels);
  for (const auto& load : report.loads) out += to_text(load);
  out += fmt::format("\n{:>7} {:<9} {:<14} {:>6} {:>9} {:>19} {:>8} {:>15}\n", "depth", "attention", "phase",
                     "tokens", "tok/s", "[min - max]", "GB/s", "of the ceiling");
  for (const auto& row : report.rows)
    out += fmt::format("{:>7} {:<9} {:<14} {:>6} {:>9.1f} {:>19} {:>8.2f} {:>8.0f} % {}\n", row.depth,
                       row.attention, phase(row), row.tokens, row.tok_s.median,
                       fmt::format("[{:.1f} - {:.1f}]", row.tok_s.min, row.tok_s.max), gb_s(row),
                       100 * ceiling_share(row, report.machine),
                       name(least_time(row.cost.total(), report.machine).bound));
  return out;
}

}  // namespace dsa
