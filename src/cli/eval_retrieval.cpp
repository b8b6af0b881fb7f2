// dsa eval retrieval MODEL [--indexer DIR]
#include "eval/retrieval.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>

#include "base/error.h"
#include "base/json.h"
#include "cli/checks.h"
#include "cli/eval.h"
#include "eval/retrieval_comparison.h"
#include "eval/retrieval_report.h"

namespace dsa::cli {
namespace {

struct RetrievalCommand {
  Options common;
  std::vector<std::string> tasks;  // empty: all
  std::vector<std::int64_t> lengths{1024, 2048, 4096, 8192};
  std::int64_t samples = 50;
  std::uint64_t seed = 0;
  std::string state;
  std::string against;
  std::string dense_from;
  RetrievalOptions retrieval;
};

struct Cell {
  RetrievalTask task;
  std::int64_t length;
};

std::vector<Cell> chosen_cells(const RetrievalCommand& o) {
  std::vector<Cell> cells;
  for (const RetrievalTask task : kRetrievalTasks)
    for (const auto length : o.lengths)
      if (is_asked(o.tasks, task)) cells.push_back({task, length});
  return cells;
}

// What a result depends on besides task, length and number: runs that differ here do not share a file.
nlohmann::ordered_json run_identity(const RetrievalCommand& o, LoadedModel& model) {
  nlohmann::ordered_json run{{"dsa_eval_retrieval", 1}};
  run.update(model_identity(model));
  run.update(
      {{"top_k", model.topk()}, {"compute", o.common.compute}, {"raw", o.retrieval.raw}, {"seed", o.seed}});
  if (const LayerTopk& layers = model.config().indexer->layer_topk; !layers.uniform()) {
    std::vector<std::int64_t> list;
    for (std::int64_t i = 0; i < model.config().num_hidden_layers; ++i)
      list.push_back(layers.of(i, model.topk()));
    run["top_k_layers"] = list;
  }
  if (!o.retrieval.chat_format.empty()) run["chat_format"] = o.retrieval.chat_format;  // else the model's own
  if (o.retrieval.best) run["selection"] = "best";  // its absence means the indexer's
  return run;
}

// The results of --against, if they are of the same samples.
std::vector<RetrievalResult> results_against(const RetrievalCommand& o) {
  const RetrievalRun other = read_retrieval_run(o.against);
  const nlohmann::ordered_json here{{"seed", o.seed}, {"raw", o.retrieval.raw}};
  for (const auto& [key, value] : here.items())
    if (!other.identity.contains(key) || other.identity[key] != value)
      fail("--against {}: {} is {} there and {} here: only runs of the same samples can be compared",
           printable(o.against, 1000), key,
           other.identity.contains(key) ? json_text(other.identity[key]) : "missing", json_text(value));
  if (const auto format = other.identity.value("chat_format", ""); format != o.retrieval.chat_format)
    fail("--against {}: its chat format is \"{}\", this run's \"{}\": give --chat-format as there",
         printable(o.against, 1000), printable(format), o.retrieval.chat_format);
  return other.results;
}

using SampleId = std::tuple<RetrievalTask, std::int64_t, std::int64_t>;  // task, length, number

// The dense answers of --dense-from, which must be those of the same weights to the same questions.
std::map<SampleId, RetrievalAnswer> dense_answers(const RetrievalCommand& o, LoadedModel& model) {
  std::map<SampleId, RetrievalAnswer> out;
  if (o.dense_from.empty()) return out;
  const RetrievalRun other = read_retrieval_run(o.dense_from);
  const auto here = run_identity(o, model);
  for (const char* key : {"weights_digest", "compute", "raw", "seed", "chat_format"}) {
    const auto told = [&](const nlohmann::ordered_json& run) {
      return run.contains(key) ? json_text(run[key]) : "missing";
    };
    if (told(other.identity) != told(here))
      fail("--dense-from {}: {} is {} there and {} here: only what the same model was asked can be taken",
           printable(o.dense_from, 1000), key, told(other.identity), told(here));
  }
  for (const auto& result : other.results) out[{result.task, result.length, result.number}] = result.dense;
  return out;
}

class Run {
 public:
  Run(const RetrievalCommand& options, LoadedModel& model, const Tokenizer& tokenizer)
      : options_(options),
        cells_(chosen_cells(options)),
        runner_(model, tokenizer, options.retrieval),
        dense_(dense_answers(options, model)) {
    if (!options.state.empty()) log_.emplace(options.state, run_identity(options, model));
    if (!log_) return;
    for (const auto& result : log_->earlier())
      if (wanted(result) && done_.insert({result.task, result.length, result.number}).second)
        results_.push_back(result);
  }

  /// Sample by sample over all cells, so that what is there after an interruption is of every cell.
  void go(const std::atomic<bool>& cancel) {
    ProgressLine progress({.verb = "asking", .unit = "samples", .speed = ""});
    const auto total = static_cast<std::int64_t>(cells_.size()) * options_.samples;
    for (std::int64_t number = 0; number < options_.samples; ++number)
      for (const auto& [task, length] : cells_) {
        if (done_.contains({task, length, number})) continue;
        progress.update(static_cast<std::int64_t>(results_.size()), total);
        const auto dense = dense_.find({task, length, number});
        const auto result = runner_.run(task, options_.seed, number, length, cancel,
                                        dense == dense_.end() ? nullptr : &dense->second);
        if (!result) return;
        if (log_) log_->append(*result);
        results_.push_back(*result);
      }
  }

  [[nodiscard]] const std::vector<RetrievalResult>& results() const { return results_; }

 private:
  [[nodiscard]] bool wanted(const RetrievalResult& r) const {
    return r.number < options_.samples && std::ranges::any_of(cells_, [&](const Cell& cell) {
             return cell.task == r.task && cell.length == r.length;
           });
  }

  const RetrievalCommand& options_;
  std::vector<Cell> cells_;
  RetrievalRunner runner_;
  std::optional<RetrievalLog> log_;
  std::map<SampleId, RetrievalAnswer> dense_;
  std::set<SampleId> done_;
  std::vector<RetrievalResult> results_;
};

int eval_retrieval(RetrievalCommand& o) {
  std::ranges::sort(o.lengths);
  o.lengths.erase(std::unique(o.lengths.begin(), o.lengths.end()), o.lengths.end());
  std::vector<RetrievalResult> others;
  if (!o.against.empty()) others = results_against(o);
  OpenedModel opened = open(o.common);
  require_indexer(opened, o.common, "eval retrieval");
  const Tokenizer tokenizer = fitting_tokenizer(opened.files);
  LoadOptions load = load_options(o.common);
  load.context = o.lengths.back();
  LoadedModel model(std::move(opened), load);
  Run run(o, model, tokenizer);

  const CatchInterrupt interrupt;
  run.go(interrupt.flag());
  if (run.results().empty()) return kInterrupted;
  const auto summary = summarise(run.results());
  std::optional<RetrievalComparison> comparison;
  std::string refused;  // said last: what was measured is printed all the same
  if (!o.against.empty()) {
    try {
      comparison = compare(run.results(), others);
    } catch (const Error& error) {
      refused = error.what();
    }
  }
  if (o.common.json) {
    nlohmann::ordered_json out{{"model", o.common.model}, {"run", run_identity(o, model)}};
    out.update(to_json(summary));
    if (comparison) out["against"] = to_json(*comparison);
    print(json_line(out));
  } else {
    if (o.retrieval.best)
      print(fmt::format(
          "sparse: over the best {} tokens by dense attention's mean over heads, not the indexer's\n\n",
          model.topk()));
    print(to_text(summary));
    if (comparison)
      print(fmt::format("\nagainst {}, nats a token, mean over samples (95 % interval)\n\n{}", o.against,
                        to_text(*comparison)));
  }
  if (!refused.empty()) fail("--against {}: {}", printable(o.against, 1000), refused);
  return interrupt.flag() ? kInterrupted : kDone;
}

}  // namespace

void add_task_option(Command command, std::vector<std::string>& tasks) {
  std::vector<std::string> names;
  for (const RetrievalTask task : kRetrievalTasks) names.emplace_back(name(task));
  command
      .add_option("--tasks", tasks, "of single, multi-key, variables, words; comma-separated (default: all)")
      .type_name("TASK,...")
      .comma_separated()
      .check(one_of(names));
}

bool is_asked(std::span<const std::string> tasks, RetrievalTask task) {
  return tasks.empty() || std::ranges::find(tasks, name(task)) != tasks.end();
}

Action declare_eval_retrieval(Command command) {
  auto o = std::make_shared<RetrievalCommand>();
  add_options(command, o->common, {OptionGroup::model, OptionGroup::engine, OptionGroup::json});
  // Both kinds of attention run, in a context of the longest length.
  for (const char* option : {"--attention", "--ctx"}) command.remove_option(option);
  add_task_option(command, o->tasks);
  command.add_option("--lengths", o->lengths, "tokens of prompt and answer, comma-separated")
      .type_name("N,...")
      .comma_separated()
      .check(whole<std::int64_t>(1, std::numeric_limits<std::int32_t>::max()))
      .show_default();
  command.add_option("--samples", o->samples, "samples of each task and length")
      .check(whole<std::int64_t>(1, 1'000'000))
      .show_default();
  command.add_option("--seed", o->seed, "the same seed makes the same samples")
      .check(whole<std::uint64_t>())
      .show_default();
  command
      .add_option(
          "--state", o->state,
          "keep every sample's result in this file as soon as it is there, and go on from what it holds")
      .type_name("FILE");
  command
      .add_option("--against", o->against,
                  "another run's --state: also compare with it, sample by sample "
                  "(another indexer, --best, other weights)")
      .type_name("FILE");
  command
      .add_option("--dense-from", o->dense_from,
                  "another run's --state, of the same weights and questions: its dense answers are not "
                  "computed again")
      .type_name("FILE");
  add_chat_format(command, o->retrieval.chat_format);
  command.add_flag("--raw", o->retrieval.raw, "no chat format: the question is plain text");
  command.add_flag(
      "--best", o->retrieval.best,
      "sparse attends over the tokens that dense attention weighs most instead of the indexer's selection "
      "(slow)");
  command.footer(
      "Asks for what stands in long texts that dsa makes up: one number (single), one of many numbers\n"
      "(multi-key), variables of a value (variables), the most frequent words (words). "
      "Each sample is answered\n"
      "dense and sparse; the table has exact matches with 95 % intervals, "
      "the difference in log-probability of the\n"
      "right answer, and the chance that sparse is no worse, corrected for the number of cells\n"
      "(docs/evaluation.md). Ctrl-C reports what was finished.\n\nExample:\n"
      "  dsa eval retrieval smollm2 --indexer DIR --lengths 1024,2048 --state retrieval.jsonl\n");
  return [o] { return eval_retrieval(*o); };
}

}  // namespace dsa::cli
