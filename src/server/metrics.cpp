#include "server/metrics.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/numeric.h"

namespace dsa::server {
namespace {

constexpr std::array<double, 16> kSeconds{0.001, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32,
                                          0.64,  1.25,  2.5,  5,    10,   20,   40,   80};
constexpr std::array<double, 13> kTokens{1,    4,    16,   64,    256,   512,   1024,
                                         2048, 4096, 8192, 16384, 65536, 131072};

constexpr double kMsPerSecond = 1000;

// One metric under our name and vLLM's, so that dashboards made for it work.
struct Name {
  std::string_view ours;
  std::string_view vllm;
  std::string_view type;
  std::string_view help;
};
constexpr Name kFirstToken{"time_to_first_token_seconds", "time_to_first_token_seconds", "histogram",
                           "From a request's arrival to its first token."};
constexpr Name kBetween{"inter_token_latency_seconds", "inter_token_latency_seconds", "histogram",
                        "Between two tokens of an answer."};
constexpr Name kQueued{"request_queue_time_seconds", "request_queue_time_seconds", "histogram",
                       "Before a request's prompt was first looked at."};
constexpr Name kWhole{"e2e_request_latency_seconds", "e2e_request_latency_seconds", "histogram",
                      "From a request's arrival to its end."};
constexpr Name kPrompt{"request_prompt_tokens", "request_prompt_tokens", "histogram", "Tokens of prompts."};
constexpr Name kAnswer{"request_generation_tokens", "request_generation_tokens", "histogram",
                       "Tokens of answers."};

void print(std::string& out, const Name& name, const Histogram& histogram, std::string_view labels) {
  for (const auto& [prefix, word] : {std::pair("dsa_", name.ours), std::pair("vllm:", name.vllm)}) {
    const std::string full = std::string(prefix).append(word);
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", full, name.help, full, name.type);
    histogram.print(out, full, labels);
  }
}

// A row of what the engine counts; `scale` turns our unit into the metric's.
struct EngineRow {
  Name name;
  std::string_view labels;
  double (*value)(const EngineStatus&);
};
template <auto member>
double count(const EngineStatus& status) {
  return static_cast<double>(status.*member);
}
double share_used(const EngineStatus& s) {
  return s.pages > 0
             ? static_cast<double>(s.pages - s.pages_free - s.pages_cached) / static_cast<double>(s.pages)
             : 0;
}
constexpr std::array kEngine{
    EngineRow{{"num_requests_running", "num_requests_running", "gauge", "Answers being read for or written."},
              "",
              [](const EngineStatus& s) { return static_cast<double>(s.reading + s.writing); }},
    EngineRow{{"num_requests_waiting", "num_requests_waiting", "gauge", "Answers in the queue."},
              "",
              count<&EngineStatus::queued>},
    EngineRow{{"kv_cache_usage_perc", "kv_cache_usage_perc", "gauge",
               "Share of the cache that answers hold, 0 to 1."},
              "",
              share_used},
    EngineRow{{"kv_cache_pages", "", "gauge", "Pages of the cache."}, "", count<&EngineStatus::pages>},
    EngineRow{{"kv_cache_pages_free", "", "gauge", "Pages that hold nothing."},
              "",
              count<&EngineStatus::pages_free>},
    EngineRow{{"kv_cache_pages_cached", "", "gauge", "Pages that only the prefix cache holds."},
              "",
              count<&EngineStatus::pages_cached>},
    EngineRow{{"forward_passes_total", "", "counter", "Passes through the model."},
              "",
              count<&EngineStatus::steps>},
    EngineRow{{"forward_seconds_total", "", "counter", "Time in those passes."},
              "",
              [](const EngineStatus& s) { return s.pass_ms / kMsPerSecond; }},
    EngineRow{{"indexer_seconds_total", "", "counter", "Of it, the indexer's scores and selections."},
              "",
              [](const EngineStatus& s) { return s.indexer_ms / kMsPerSecond; }},
    EngineRow{{"prompt_tokens_total", "prompt_tokens_total", "counter", "Tokens of prompts."},
              "",
              count<&EngineStatus::prompt_tokens>},
    EngineRow{{"prompt_tokens_computed_total", "", "counter", "Of those, really computed."},
              "",
              count<&EngineStatus::computed_tokens>},
    EngineRow{{"generation_tokens_total", "generation_tokens_total", "counter", "Tokens of answers."},
              "",
              count<&EngineStatus::written_tokens>},
    EngineRow{{"spec_decode_num_draft_tokens_total", "spec_decode_num_draft_tokens_total", "counter",
               "Tokens that were guessed."},
              "",
              count<&EngineStatus::drafted_tokens>},
    EngineRow{{"spec_decode_num_accepted_tokens_total", "spec_decode_num_accepted_tokens_total", "counter",
               "Of those, what answers then said."},
              "",
              count<&EngineStatus::accepted_tokens>},
    EngineRow{{"prefix_cache_queries_total", "prefix_cache_queries_total", "counter",
               "Tokens looked for in the prefix cache."},
              "",
              count<&EngineStatus::prompt_tokens>},
    EngineRow{{"prefix_cache_hits_total", "prefix_cache_hits_total", "counter", "Of those, found."},
              "",
              [](const EngineStatus& s) { return static_cast<double>(s.ram_tokens + s.disk_tokens); }},
    EngineRow{{"prefix_cache_tier_hits_total", "", "counter", "The same, by where."},
              R"(,tier="ram")",
              count<&EngineStatus::ram_tokens>},
    EngineRow{
        {"prefix_cache_tier_hits_total", "", "", ""}, R"(,tier="disk")", count<&EngineStatus::disk_tokens>},
    EngineRow{{"num_preemptions_total", "num_preemptions_total", "counter", "Answers put away for others."},
              "",
              count<&EngineStatus::put_away>},
    EngineRow{{"attention_rows_total", "", "counter", "Token rows by the attention that ran."},
              R"(,attention="sparse")",
              [](const EngineStatus& s) { return static_cast<double>(s.attention.sparse_rows); }},
    EngineRow{{"attention_rows_total", "", "", ""},
              R"(,attention="dense")",
              [](const EngineStatus& s) { return static_cast<double>(s.attention.dense_rows); }},
};

void print_engine_row(std::string& out, const EngineRow& row, std::span<const ModelState> models) {
  for (const auto& [prefix, word] : {std::pair("dsa_", row.name.ours), std::pair("vllm:", row.name.vllm)}) {
    if (word.empty()) continue;
    const std::string full = std::string(prefix).append(word);
    if (!row.name.type.empty())
      out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", full, row.name.help, full, row.name.type);
    for (const ModelState& model : models)
      out += fmt::format("{}{{model_name=\"{}\"{}}} {}\n", full, model.cards.front().id, row.labels,
                         row.value(model.status));
  }
}

void print_finished(std::string& out, std::span<const ModelState> models) {
  for (const std::string_view full : {"dsa_request_success_total", "vllm:request_success_total"}) {
    out += fmt::format("# HELP {} Answers, by how they ended.\n# TYPE {} counter\n", full, full);
    for (const ModelState& model : models)
      for (std::size_t reason = 0; reason < std::size(model.status.finished); ++reason)
        out +=
            fmt::format("{}{{model_name=\"{}\",finished_reason=\"{}\"}} {}\n", full, model.cards.front().id,
                        name(static_cast<FinishReason>(reason)), model.status.finished[reason]);
  }
}

void print_presence(std::string& out, std::span<const ModelState> models) {
  const auto row = [&](std::string_view name, std::string_view type, std::string_view help, auto value) {
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
    for (const ModelState& model : models)
      out += fmt::format("{}{{model_name=\"{}\"}} {}\n", name, model.cards.front().id, value(model));
  };
  row("dsa_model_loaded", "gauge", "1 while a model is in memory.",
      [](const ModelState& m) { return m.presence == Presence::loaded ? 1 : 0; });
  row("dsa_model_memory_bytes", "gauge", "Memory of a model while it is loaded.",
      [](const ModelState& m) { return m.presence == Presence::loaded ? m.bytes : 0; });
  row("dsa_model_loads_total", "counter", "How often a model was loaded.",
      [](const ModelState& m) { return m.loads; });
}

double seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void Histogram::observe(double value) {
  const auto bound = std::ranges::lower_bound(bounds_, value);
  ++counts_[usize(bound - bounds_.begin())];
  sum_ += value;
}

void Histogram::print(std::string& out, std::string_view name, std::string_view labels) const {
  std::int64_t below = 0;
  for (std::size_t i = 0; i < bounds_.size(); ++i)
    out += fmt::format("{}_bucket{{{}le=\"{}\"}} {}\n", name, labels, bounds_[i], below += counts_[i]);
  below += counts_.back();
  const std::string bare = labels.empty() ? "" : fmt::format("{{{}}}", labels.substr(0, labels.size() - 1));
  out += fmt::format("{}_bucket{{{}le=\"+Inf\"}} {}\n{}_sum{} {}\n{}_count{} {}\n", name, labels, below, name,
                     bare, sum_, name, bare, below);
}

Metrics::Metrics()
    : first_token_(kSeconds),
      between_tokens_(kSeconds),
      queued_(kSeconds),
      whole_(kSeconds),
      prompt_tokens_(kTokens),
      answer_tokens_(kTokens) {}

void Metrics::answered(std::string_view route, int status) {
  const std::scoped_lock lock(mutex_);
  ++answers_[{std::string(route), status}];
}

void Metrics::token(TokenClock& clock) {
  const auto now = std::chrono::steady_clock::now();
  const std::scoped_lock lock(mutex_);
  if (clock.last)
    between_tokens_.observe(seconds(now - *clock.last));
  else
    first_token_.observe(seconds(now - clock.begun));
  clock.last = now;
}

void Metrics::finished(const TokenClock& clock, const Finished& finished) {
  const std::scoped_lock lock(mutex_);
  queued_.observe(finished.timings.queue_ms / kMsPerSecond);
  whole_.observe(seconds(std::chrono::steady_clock::now() - clock.begun));
  prompt_tokens_.observe(static_cast<double>(finished.timings.prompt_tokens));
  answer_tokens_.observe(static_cast<double>(finished.timings.completion_tokens));
}

std::string Metrics::text(std::span<const ModelState> models) const {
  std::string out;
  for (const EngineRow& row : kEngine) print_engine_row(out, row, models);
  print_finished(out, models);
  print_presence(out, models);
  out += "# HELP dsa_clients_gone_total Clients that went before their answer's end.\n";
  out +=
      fmt::format("# TYPE dsa_clients_gone_total counter\ndsa_clients_gone_total {}\n", clients_gone_.load());
  const std::scoped_lock lock(mutex_);
  out +=
      "# HELP dsa_http_answers_total Answers, by route and status.\n# TYPE dsa_http_answers_total counter\n";
  for (const auto& [key, count] : answers_)
    out += fmt::format("dsa_http_answers_total{{route=\"{}\",status=\"{}\"}} {}\n", key.first, key.second,
                       count);
  print(out, kFirstToken, first_token_, "");
  print(out, kBetween, between_tokens_, "");
  print(out, kQueued, queued_, "");
  print(out, kWhole, whole_, "");
  print(out, kPrompt, prompt_tokens_, "");
  print(out, kAnswer, answer_tokens_, "");
  return out;
}

}  // namespace dsa::server
