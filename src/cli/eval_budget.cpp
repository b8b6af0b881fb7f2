// dsa eval budget MODEL --indexer DIR --text PATH... [--retrieval]
#include "eval/budget.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "base/atomic_file.h"
#include "base/draws.h"
#include "base/error.h"
#include "base/numeric.h"
#include "bench/cost.h"
#include "checkpoint/indexer_folder_write.h"
#include "cli/checks.h"
#include "cli/eval.h"
#include "eval/budget_report.h"
#include "eval/retrieval.h"

namespace dsa::cli {
namespace {

constexpr const char* kReportFile = "budget.html";
constexpr std::int64_t kLeastShare = 8;  // of the mean: no layer gets less than an eighth
constexpr std::int64_t kStep = 16;       // tokens

struct BudgetCommand {
  Options common;
  TextOptions text;
  bool retrieval = false;
  std::vector<std::string> tasks;  // empty: all
  std::vector<std::int64_t> lengths{2048, 4096, 8192};
  std::int64_t samples = 4;
  std::uint64_t seed = 1;  // dsa eval retrieval's is 0: what is chosen here is judged on others
  std::int64_t rows = 64;
  std::int64_t group = 4;
  double minutes = 10;
  std::string state;
  bool no_write = false;
};

std::vector<std::int64_t> list_of(const IndexerConfig& indexer, std::int64_t layers, std::int64_t mean) {
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < layers; ++i) out.push_back(indexer.layer_topk.of(i, mean));
  return out;
}

/// Samples of text and of questions in turn, so that those of an hour that was cut short are of all kinds.
class Samples {
 public:
  Samples(const BudgetCommand& o, LoadedModel& model, const Tokenizer& tokenizer,
          const std::vector<Document>& documents, const std::vector<Window>& windows, std::int64_t length)
      : options_(o), documents_(documents), windows_(windows), length_(length) {
    std::vector<std::size_t> texts(windows.size());
    std::iota(texts.begin(), texts.end(), std::size_t{0});
    Draws(o.seed, 0).shuffle(texts);
    const std::size_t questions = o.retrieval ? usize(o.samples) * o.lengths.size() : 0;
    for (std::size_t i = 0; i < std::max(windows.size(), questions); ++i) {
      if (i < windows.size()) order_.push_back({.window = texts[i]});
      if (i >= questions) continue;
      for (const RetrievalTask task : kRetrievalTasks)
        if (is_asked(o.tasks, task))
          order_.push_back({.task = task,
                            .length = o.lengths[i % o.lengths.size()],
                            .number = static_cast<std::int64_t>(i / o.lengths.size())});
    }
    if (o.retrieval) asker_.emplace(model, tokenizer, RetrievalOptions{.chat_format = o.text.chat_format});
  }

  struct Sample {
    std::optional<RetrievalTask> task = std::nullopt;  // none: text
    std::size_t window = 0;
    std::int64_t length = 0, number = 0;
  };
  [[nodiscard]] const std::vector<Sample>& order() const { return order_; }
  [[nodiscard]] static std::string kind(const Sample& s) {
    return s.task ? fmt::format("{} {}", name(*s.task), s.length) : "text";
  }
  [[nodiscard]] std::string id(const Sample& s) const {
    return fmt::format("{} {}", kind(s), s.task ? s.number : static_cast<std::int64_t>(s.window));
  }
  [[nodiscard]] BudgetSample read(const Sample& s) const {
    BudgetSample out{.kind = kind(s)};
    for (const char c : id(s)) out.deal = 31 * out.deal + static_cast<unsigned char>(c);
    if (s.task) {
      const auto asked = asker_->asked(*s.task, options_.seed, s.number, s.length);
      out.tokens = asked.prompt;
      out.tokens.insert(out.tokens.end(), asked.answer.begin(), asked.answer.end());
      out.scored = std::ssize(asked.answer);
    } else {
      const auto tokens = tokens_of(documents_, windows_[s.window], length_);
      out.tokens.assign(tokens.begin(), tokens.end());
      out.scored = options_.rows;
    }
    out.rows = std::min(std::max(options_.rows, out.scored), std::ssize(out.tokens) - 1);
    out.scored = std::min(out.scored, out.rows);
    return out;
  }

 private:
  const BudgetCommand& options_;
  const std::vector<Document>& documents_;
  const std::vector<Window>& windows_;
  std::int64_t length_;
  std::vector<Sample> order_;
  std::optional<RetrievalRunner> asker_;
};

nlohmann::ordered_json run_identity(const BudgetCommand& o, const ModelAndText& loaded,
                                    const std::vector<std::int64_t>& before) {
  nlohmann::ordered_json run{{"dsa_eval_budget", 1}};
  run.update(model_identity(*loaded.model));
  run.update({{"corpus_sha256", corpus_hash(loaded.documents)},
              {"ctx", loaded.length},
              {"windows", loaded.windows.size()},
              {"before", before},
              {"rows", o.rows},
              {"group", o.group},
              {"compute", o.common.compute},
              {"chat_format", o.text.chat_format},
              {"seed", o.seed}});
  return run;
}

/// Bytes that attention and indexer of all layers read for a token at the end of a context, where decoding it
/// costs most.
double bytes_at_the_end(const Transformer& model, std::int64_t length,
                        const std::vector<std::int64_t>& topk) {
  ModelShape shape = shape_of(model);
  shape.layer_topk = LayerTopk(topk);
  const PassCost cost = pass_cost(shape, shape.layer_topk.mean(), {.first = length - 1});
  return cost.attention.bytes + cost.scores.bytes;
}

/// Sample after sample until all are there, the time is over or somebody stops it.
BudgetTotals measure(const BudgetCommand& o, BudgetMeasure& measure, const Samples& samples,
                     std::optional<RunLog>& log, const std::atomic<bool>& cancel) {
  const auto start = std::chrono::steady_clock::now();
  const auto over = [&] {
    const std::chrono::duration<double, std::ratio<60>> minutes = std::chrono::steady_clock::now() - start;
    return o.minutes > 0 && minutes.count() >= o.minutes;
  };
  std::map<std::string, BudgetFigures> earlier;
  if (log)
    for (std::size_t i = 0; i < log->earlier().size(); ++i) try {
        const auto& line = log->earlier()[i];
        earlier[line.at("sample").get<std::string>()] = {
            .loss = line.at("loss").get<double>(),
            .log_prob = line.at("log_prob").get<double>(),
            .scored = line.at("scored").get<std::int64_t>(),
            .effect = line.at("effect").get<std::vector<double>>()};
      } catch (const nlohmann::json::exception&) {
        damaged_line(o.state, i);
      }
  BudgetTotals totals;
  ProgressLine progress({.verb = "measuring", .unit = "samples", .speed = ""});
  std::int64_t done = 0;
  for (const auto& sample : samples.order()) {
    progress.update(done++, std::ssize(samples.order()));
    const std::string id = samples.id(sample);
    if (const auto found = earlier.find(id); found != earlier.end()) {
      totals.add(Samples::kind(sample), found->second);
      continue;
    }
    if (over()) continue;  // what an earlier run measured still counts
    const auto figures = measure.run(samples.read(sample), cancel);
    if (!figures) break;
    totals.add(Samples::kind(sample), *figures);
    if (log)
      log->append({{"sample", id},
                   {"loss", figures->loss},
                   {"log_prob", figures->log_prob},
                   {"scored", figures->scored},
                   {"effect", figures->effect}});
  }
  return totals;
}

std::vector<std::pair<std::string, std::string>> about(const BudgetCommand& o, const ModelAndText& loaded,
                                                       const BudgetPlan& plan) {
  const auto read = [&](const std::vector<std::int64_t>& topk) {
    return fmt::format("{:.2f} MB", bytes_at_the_end(loaded.model->transformer(), loaded.length, topk) / 1e6);
  };
  return {{"model", o.common.model},
          {"text, SHA-256", corpus_hash(loaded.documents)},
          {"questions, seed", o.retrieval ? fmt::to_string(o.seed) : "none"},
          {"mean", fmt::to_string(LayerTopk(plan.after).mean())},
          {"read for a token at the end of a context, before", read(plan.before)},
          {"and after", read(plan.after)}};
}

int eval_budget(BudgetCommand& o) {
  OpenedModel opened = open(o.common);
  require_indexer(opened, o.common, "eval budget");
  const std::filesystem::path folder = opened.indexer_folder;
  if (folder.empty())
    fail(
        "{}: has its indexer in its own checkpoint: eval budget writes into an indexer folder, give one "
        "with --indexer",
        printable(opened.files.path.string()));
  IndexerConfig& indexer = *opened.files.config.indexer;
  const std::int64_t mean = o.common.index_topk > 0 ? o.common.index_topk : indexer.topk;
  const auto before = list_of(indexer, opened.files.config.num_hidden_layers, mean);
  indexer.layer_topk = {};
  const std::int64_t length = window_tokens(o.common, opened.files.config.max_position_embeddings);
  std::erase_if(o.lengths, [&](std::int64_t l) { return l > length; });
  if (o.retrieval && o.lengths.empty())
    fail("--lengths: none fits into contexts of {} tokens: give shorter ones, or a larger --ctx", length);
  if (o.rows >= length) fail("--rows {}: a context has {} tokens, expected fewer rows", o.rows, length);
  const Tokenizer tokenizer = fitting_tokenizer(opened.files);
  if (mean >= length)
    fail("contexts of {} tokens: {} selected ones are all of them: give a smaller --top-k, or a larger --ctx",
         length, mean);
  const ModelAndText loaded =
      load_with_text(std::move(opened), o.common, o.text, 2 * std::ranges::max(before));
  BudgetMeasure measure_one(*loaded.model, before, o.group);
  const Samples samples(o, *loaded.model, tokenizer, loaded.documents, loaded.windows, length);
  std::optional<RunLog> log;
  if (!o.state.empty()) log.emplace(o.state, run_identity(o, loaded, before));

  const CatchInterrupt interrupt;
  const BudgetTotals totals = measure(o, measure_one, samples, log, interrupt.flag());
  if (interrupt.flag() && totals.empty()) return kInterrupted;
  const BudgetBounds bounds{
      .least = std::max<std::int64_t>(mean / kLeastShare, 1), .most = length, .step = kStep};
  const BudgetPlan plan = totals.plan(before, mean, bounds);
  if (!o.no_write && !interrupt.flag()) {
    rewrite_index_topk(folder, plan.after);
    write_file(folder / kReportFile, to_html(plan, about(o, loaded, plan)));
  }
  if (o.common.json) {
    nlohmann::ordered_json out{{"model", o.common.model}, {"indexer", indexer_name(*loaded.model)}};
    out.update(to_json(plan));
    print(json_line(out));
  } else {
    print(to_text(plan));
  }
  return interrupt.flag() ? kInterrupted : kDone;
}

}  // namespace

Action declare_eval_budget(Command command) {
  auto o = std::make_shared<BudgetCommand>();
  add_options(command, o->common, {OptionGroup::model, OptionGroup::engine, OptionGroup::json});
  command.remove_option("--attention");  // both kinds run
  add_text_options(command, o->text);
  command.add_flag("--retrieval", o->retrieval, "questions about long texts too (dsa eval retrieval)");
  add_task_option(command, o->tasks);
  constexpr auto kMost = std::numeric_limits<std::int32_t>::max();
  command.add_option("--lengths", o->lengths, "tokens of the questions' texts, comma-separated")
      .type_name("N,...")
      .comma_separated()
      .check(whole<std::int64_t>(1, kMost))
      .show_default();
  command.add_option("--samples", o->samples, "questions of each task and length")
      .check(whole<std::int64_t>(1, 1'000'000))
      .show_default();
  command.add_option("--seed", o->seed, "of the questions; another one than they are judged by")
      .check(whole<std::uint64_t>())
      .show_default();
  command.add_option("--rows", o->rows, "last tokens of a sample that select; the rest is read densely once")
      .check(whole<std::int64_t>(1, 65536))
      .show_default();
  command.add_option("--group", o->group, "so many layers in a row change together: surer, but coarser")
      .check(whole<std::int64_t>(1, 4096))
      .show_default();
  command.add_option("--minutes", o->minutes, "no sample is begun after that; 0: all of them")
      .check(within(0, 1e6))
      .show_default();
  command
      .add_option("--state", o->state,
                  "keep every sample's figures in this file as soon as they are there, and go on from it")
      .type_name("FILE");
  command.add_flag("--no-write", o->no_write, "change nothing: print the division alone");
  command.footer(
      "Measures what twice and half as many selected tokens in a layer change of what comes out, divides the "
      "tokens\nof --top-k so that least is lost, and writes that into the indexer's folder: index_topk in "
      "config.json, and\nbudget.html (docs/evaluation.md). Ctrl-C prints what was measured and writes "
      "nothing.\n\nExample:\n"
      "  dsa eval budget smollm2 --indexer my-indexer --text docs --retrieval\n");
  return [o] { return eval_budget(*o); };
}

}  // namespace dsa::cli
