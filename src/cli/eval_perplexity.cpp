// dsa eval perplexity MODEL --text PATH...
#include "eval/perplexity.h"

#include <memory>

#include "cli/eval.h"
#include "eval/perplexity_report.h"

namespace dsa::cli {
namespace {

struct PerplexityOptions {
  Options common;
  TextOptions text;
  bool compare = false;
};

nlohmann::ordered_json header(const PerplexityOptions& options, const std::string& attention,
                              std::int64_t length) {
  return {{"model", options.common.model},
          {"attention", attention},
          {"compute", options.common.compute},
          {"ctx", length}};
}

std::string as_json(const PerplexityOptions& options, const Perplexity& p) {
  auto out = header(options, options.common.attention, p.all.to);
  out.update(to_json(p));
  return json_line(out);
}

std::string as_json(const PerplexityOptions& options, const Perplexity& dense, const Perplexity& sparse) {
  auto out = header(options, "both", dense.all.to);
  out["dense"] = to_json(dense);
  out["sparse"] = to_json(sparse);
  out["sparse_above_dense"] = {
      {"all", to_json(perplexity_gap(sparse, dense, TextPart::all))},
      {"second_half", to_json(perplexity_gap(sparse, dense, TextPart::second_half))}};
  return json_line(out);
}

std::string summary(const Perplexity& p) {
  return fmt::format("{} windows, {:.0f} tok/s\n", p.windows, p.tokens_per_second());
}

std::string as_text(const Perplexity& p) {
  const PerplexityColumn column{.title = "perplexity", .perplexity = &p};
  return perplexity_table({&column, 1}) + summary(p);
}

std::string as_text(const Perplexity& dense, const Perplexity& sparse) {
  const PerplexityColumn columns[] = {{.title = "dense", .perplexity = &dense},
                                      {.title = "sparse", .perplexity = &sparse}};
  return perplexity_table(columns) +
         fmt::format("sparse above dense (95 % interval over windows): all {}, the second half {}\n",
                     to_text(perplexity_gap(sparse, dense, TextPart::all)),
                     to_text(perplexity_gap(sparse, dense, TextPart::second_half))) +
         "dense:  " + summary(dense) + "sparse: " + summary(sparse);
}

int eval_perplexity(const PerplexityOptions& options) {
  OpenedModel opened = open(options.common);
  if (options.compare) require_indexer(opened, options.common, "--compare");
  const ModelAndText loaded = load_with_text(std::move(opened), options.common, options.text, /*topk=*/0);
  SequencePass pass(*loaded.model);

  const CatchInterrupt interrupt;
  ProgressLine progress;
  const std::int64_t runs = options.compare ? 2 : 1;
  std::int64_t earlier = 0;
  const auto measure = [&](const RunOptions& run) {
    auto out = measure_perplexity(
        pass, run, loaded.documents, loaded.windows, loaded.length,
        [&](std::int64_t done, std::int64_t total) { progress.update(earlier + done, runs * total); },
        interrupt.flag());
    earlier += static_cast<std::int64_t>(loaded.windows.size()) * loaded.length;
    return out;
  };
  const Perplexity first =
      measure(options.compare ? RunOptions{.attention = AttentionMode::dense} : run_options(options.common));
  Perplexity sparse;
  if (options.compare) sparse = measure({.attention = AttentionMode::sparse});
  progress.clear();
  if (interrupt.flag()) return kInterrupted;
  if (options.compare)
    print(options.common.json ? as_json(options, first, sparse) : as_text(first, sparse));
  else
    print(options.common.json ? as_json(options, first) : as_text(first));
  return kDone;
}

}  // namespace

Action declare_eval_perplexity(Command command) {
  auto options = std::make_shared<PerplexityOptions>();
  add_options(command, options->common, {OptionGroup::model, OptionGroup::engine, OptionGroup::json});
  add_text_options(command, options->text);
  command
      .add_flag("--compare", options->compare,
                "dense and sparse on the same contexts, and their difference; needs an indexer")
      .excludes(command.option("--attention"));
  command.footer(
      "Each document is cut into contexts of --ctx tokens; what is left over is left out.\n\nExamples:\n"
      "  dsa eval perplexity smollm2 --text docs README.md --ctx 2048 --attention dense\n"
      "  dsa eval perplexity smollm2 --indexer DIR --text docs --compare\n");
  return [options] { return eval_perplexity(*options); };
}

}  // namespace dsa::cli
