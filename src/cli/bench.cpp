// dsa bench MODEL: speed by depth, with the machine's ceilings measured in the same run.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>

#include "base/error.h"
#include "base/json.h"
#include "base/peak_memory.h"
#include "bench/model_bench.h"
#include "bench/report.h"
#include "bench/step.h"
#include "cli/catalogue.h"
#include "cli/checks.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/verb.h"

namespace dsa::cli {
namespace {

constexpr std::int64_t kMaxTokens = 1 << 24;
constexpr std::int64_t kFirstPrompt = 30;
constexpr std::int64_t kMaxSequences = 1024;

struct BenchOptions {
  Options common;
  std::vector<std::int64_t> depths{0, 2048, 8192};
  std::string random_indexer;
  std::int64_t reps = 5;
  std::int64_t decode = 32;
  std::vector<std::int64_t> sequences{1};
  bool shared = false;
  std::int64_t prefill = 512;
  std::int64_t prompt = 0;
  std::string fill = "auto";
  bool step = false;
};

struct Interrupted {};

std::int64_t most_sequences(const BenchOptions& o) { return std::ranges::max(o.sequences); }

std::int64_t needed_context(const BenchOptions& o) {
  const std::int64_t deepest = o.depths.empty() ? 0 : *std::ranges::max_element(o.depths);
  return std::max({deepest + std::max(o.decode, o.prefill), o.prompt, kFirstPrompt});
}

LoadOptions load_options_of(const BenchOptions& o) {
  LoadOptions m = load_options(o.common);
  const std::int64_t needed = needed_context(o);
  if (m.context == 0) m.context = needed;
  if (m.context < needed)
    fail("--ctx {}: the deepest measurement needs {}: raise it or leave it out", m.context, needed);
  m.cache = std::max(m.cache, SequencesAtDepth::cache_tokens(most_sequences(o), m.context));
  return m;
}

/// A kind of attention and how a model is loaded that is to be measured in it.
struct Kind {
  AttentionMode attention;
  LoadOptions load;
  std::optional<RandomIndexerShape> shape = {};
};

// No indexer is loaded, none is paid for.
Kind dense_kind(const BenchOptions& o) {
  Kind kind{.attention = AttentionMode::dense, .load = load_options_of(o)};
  kind.load.use_indexer = false;
  kind.load.topk = 0;
  kind.load.topk_layers.clear();
  kind.load.int8_keys = false;
  return kind;
}

Kind sparse_kind(const BenchOptions& o) {
  Kind kind{.attention = AttentionMode::sparse, .load = load_options_of(o)};
  if (!o.random_indexer.empty()) kind.shape = parse_indexer_shape(o.random_indexer);
  return kind;
}

OpenedBench open_kind(const BenchOptions& o, const Kind& kind) {
  return open_for_bench(resolve_model(o.common.model), kind.load, kind.shape);
}

class Runner {
 public:
  Runner(const BenchOptions& options, const Kind& kind, OpenedBench opened, const std::atomic<bool>& cancel,
         BenchReport& report)
      : options_(options),
        attention_(kind.attention == AttentionMode::dense ? "dense" : "sparse"),
        report_(report),
        bench_(std::move(opened), kind.load, kind.attention, cancel) {
    const LoadedModel& model = bench_.model();
    report_.model = model.files().path.string();
    report_.architecture = model.config().model_type;
    report_.kernels = model.transformer().kernels().name;
  }

  void run() {
    first_token();
    if (options_.prompt > 0)
      cell("prompt", 0, options_.prompt, [&] { return bench_.prefill(0, options_.prompt); });
    for (const std::int64_t depth : options_.depths) {
      const Fill how = options_.fill == "compute" ? Fill::compute : Fill::automatic;
      if (!bench_.fill(depth, how, [&](std::int64_t done) {
            status_.draw(fmt::format("{}: filling, {} of {} tokens", attention_, done, depth));
          }))
        throw Interrupted{};
      if (options_.decode > 0)
        for (const std::int64_t n : options_.sequences) decode(depth, n);
      if (options_.prefill > 0)
        cell("prefill", depth, options_.prefill, [&] { return bench_.prefill(depth, options_.prefill); });
    }
    report_.loads.back().peak_rss_bytes = peak_rss_bytes();
  }

 private:
  template <class Body>
  std::vector<double> repeat(const Body& body) {
    std::vector<double> out;
    for (std::int64_t r = 0; r < options_.reps; ++r) {
      const Seconds seconds = body();
      if (!seconds) throw Interrupted{};
      out.push_back(*seconds);
    }
    return out;
  }

  void decode(std::int64_t depth, std::int64_t sequences) {
    const SideBySide side{.sequences = sequences, .shared = options_.shared && sequences > 1};
    SequencesAtDepth all = bench_.at_depth(depth, side);
    cell(
        "decode", depth, options_.decode * sequences, [&] { return bench_.decode(all, options_.decode); },
        side);
  }

  template <class Body>
  void cell(const char* phase, std::int64_t depth, std::int64_t tokens, const Body& body,
            SideBySide side = {}) {
    status_.draw(side.sequences == 1
                     ? fmt::format("{}: {} at {}", attention_, phase, depth)
                     : fmt::format("{}: {} of {} sequences at {}", attention_, phase, side.sequences, depth));
    std::vector<double> speeds = repeat(body);
    for (double& s : speeds) s = static_cast<double>(tokens) / s;
    report_.rows.push_back({.attention = attention_,
                            .depth = depth,
                            .phase = phase,
                            .tokens = tokens,
                            .side = side,
                            .tok_s = median_and_range(speeds),
                            .cost = std::string_view(phase) == "decode"
                                        ? bench_.decode_cost(depth, tokens / side.sequences, side)
                                        : bench_.prefill_cost(depth, tokens)});
  }

  void first_token() {
    const auto times = repeat([&] { return bench_.prefill(0, kFirstPrompt); });
    BenchLoad load = load_of(bench_);
    load.first_prompt_tokens = kFirstPrompt;
    load.first_token_ms = median_and_range(times).median * 1000;
    report_.loads.push_back(load);
  }

  const BenchOptions& options_;
  std::string attention_;
  BenchReport& report_;
  ModelBench bench_;
  StatusLine status_;
};

/// What is to be measured, in order; `opened`: the last one's model, if it had to be opened to know.
struct Plan {
  std::vector<Kind> kinds;
  std::optional<OpenedBench> opened = {};
};

// auto: every kind the model can run.
Plan plan(const BenchOptions& o) {
  if (o.common.attention == "dense") return {.kinds = {dense_kind(o)}};
  if (o.common.attention == "sparse") return {.kinds = {sparse_kind(o)}};
  if (!o.random_indexer.empty()) return {.kinds = {dense_kind(o), sparse_kind(o)}};
  const Kind sparse = sparse_kind(o);
  OpenedBench opened = open_kind(o, sparse);
  if (!opened.model.has_indexer()) return {.kinds = {dense_kind(o)}, .opened = std::move(opened)};
  return {.kinds = {dense_kind(o), sparse}, .opened = std::move(opened)};
}

OpenedBench open_in(Plan& plan, std::size_t i, const BenchOptions& o) {
  reset_peak_rss();
  return i + 1 == plan.kinds.size() && plan.opened ? std::move(*plan.opened) : open_kind(o, plan.kinds[i]);
}

void check(const BenchOptions& o) {
  if (!o.random_indexer.empty() && !o.common.indexer.empty())
    throw UsageError("--random-indexer and --indexer: give one of them");
  if (!o.random_indexer.empty()) parse_indexer_shape(o.random_indexer);
  if (o.decode == 0 && o.prefill == 0 && o.prompt == 0)
    throw UsageError("--decode, --prefill and --prompt: all are 0: nothing to measure");
  if (o.shared && most_sequences(o) == 1)
    throw UsageError("--shared: one sequence has nobody to share with: give --sequences");
}

int step(const BenchOptions& options, const std::atomic<bool>& cancel) {
  Plan one = plan(options);
  if (one.kinds.size() != 1)
    throw UsageError("--step: it measures one: give --attention dense or --attention sparse");
  const Kind& kind = one.kinds.front();
  ModelBench bench(open_in(one, 0, options), kind.load, kind.attention, cancel);
  return run_steps(bench, std::cin, std::cout) && !cancel ? kDone : kInterrupted;
}

int bench(BenchOptions& options) {
  check(options);
  std::ranges::sort(options.depths);
  const CatchInterrupt interrupt;
  if (options.step) return step(options, interrupt.flag());
  BenchReport report;
  try {
    Plan all = plan(options);
    for (std::size_t i = 0; i < all.kinds.size(); ++i)
      Runner(options, all.kinds[i], open_in(all, i, options), interrupt.flag(), report).run();
  } catch (const Interrupted&) {
    return kInterrupted;
  }
  // Last, so that its memory is not part of anybody's peak.
  Exec exec(options.common.threads > 0 ? options.common.threads : Exec::default_threads());
  std::int64_t least = 0;  // that any model reads for a token: what the caches serve best
  for (const BenchLoad& load : report.loads)
    if (least == 0 || load.weight_bytes < least) least = load.weight_bytes;
  report.machine = measure_machine(exec, least);
  print(options.common.json ? json_text(to_json(report), 2) + "\n" : to_text(report));
  return kDone;
}

}  // namespace

Action declare_bench(Command command) {
  auto o = std::make_shared<BenchOptions>();
  add_options(command, o->common, {OptionGroup::model, OptionGroup::engine, OptionGroup::json});
  command.add_option("--depths", o->depths, "tokens in the cache before what is measured")
      .comma_separated()
      .check(whole<std::int64_t>(0, kMaxTokens))
      .show_default();
  command
      .add_option(
          "--random-indexer", o->random_indexer,
          "give the model an untrained indexer of this shape (top-k 512 unless --top-k says otherwise)")
      .type_name("HEADSxDIM");
  command.add_option("--reps", o->reps, "measurements of each cell; the median is reported")
      .check(whole<std::int64_t>(1, 1000))
      .show_default();
  command.add_option("--decode", o->decode, "tokens decoded one by one in a measurement; 0: none")
      .check(whole<std::int64_t>(0, kMaxTokens))
      .show_default();
  command
      .add_option("--sequences", o->sequences,
                  "how many sequences decode in one pass, each with as much before it; tok/s is that of all")
      .comma_separated()
      .check(whole<std::int64_t>(1, kMaxSequences))
      .show_default();
  command.add_flag(
      "--shared", o->shared,
      "the sequences begin with the same tokens, which lie in the cache once, as several answers to "
      "a prompt do; else each has a copy");
  command.add_option("--prefill", o->prefill, "prompt tokens read in a measurement; 0: none")
      .check(whole<std::int64_t>(0, kMaxTokens))
      .show_default();
  command.add_option("--prompt", o->prompt, "also read a whole prompt of this many tokens from empty")
      .check(whole<std::int64_t>(0, kMaxTokens))
      .show_default();
  command
      .add_option(
          "--fill", o->fill,
          "how a depth is reached: compute every token; "
          "auto: dense attention repeats the first 1024, because its time does not depend on what it reads")
      .check(one_of({"auto", "compute"}))
      .show_default();
  command.add_flag(
      "--step", o->step,
      "measure what lines of stdin ask "
      "(fill DEPTH, decode DEPTH TOKENS [SEQUENCES], prefill DEPTH TOKENS, memory, machine), a line of JSON "
      "for each: to measure in turn with another program. --depths, --prompt and --sequences then only say "
      "how much room is needed");
  command.footer(
      "Each depth is filled once, then measured and rewound --reps times. "
      "The machine's ceilings are measured in the same run.\n\nExample:\n"
      "  dsa bench smollm2 --depths 0,2048 --random-indexer 4x32\n"
      "  dsa bench smollm2 --depths 8192 --sequences 1,4,16 --attention sparse\n");
  return [o] { return bench(*o); };
}

}  // namespace dsa::cli
