// dsa eval sparsity MODEL --indexer DIR --text PATH...
#include "eval/sparsity.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/checks.h"
#include "cli/eval.h"
#include "eval/sparsity_report.h"

namespace dsa::cli {
namespace {

const std::vector<std::int64_t> kDefaultTopks{128, 256, 512, 1024};

struct SparsityCommand {
  Options common;
  TextOptions text;
  std::vector<std::int64_t> topks;  // empty: those of the default that the contexts exceed
  std::int64_t rows = 64;
  std::uint64_t seed = 0;
  bool no_perplexity = false;
};

std::vector<std::int64_t> chosen_topks(const SparsityCommand& o, std::int64_t length) {
  std::vector<std::int64_t> topks = o.topks;
  if (topks.empty())
    std::ranges::copy_if(kDefaultTopks, std::back_inserter(topks), [&](auto topk) { return topk < length; });
  if (topks.empty()) fail("contexts of {} tokens: give --topks below that, or a larger --ctx", length);
  std::ranges::sort(topks);
  topks.erase(std::unique(topks.begin(), topks.end()), topks.end());
  if (topks.back() >= length)
    fail("--topks {}: a context of {} tokens never exceeds it: nothing would be left out", topks.back(),
         length);
  return topks;
}

std::string as_json(const SparsityCommand& o, const ModelAndText& loaded, const Sparsity& result) {
  nlohmann::ordered_json out{{"model", o.common.model},     {"indexer", indexer_name(*loaded.model)},
                             {"compute", o.common.compute}, {"corpus_sha256", corpus_hash(loaded.documents)},
                             {"rows_per_window", o.rows},   {"seed", o.seed}};
  out.update(to_json(result));
  return json_line(out);
}

int eval_sparsity(const SparsityCommand& o) {
  OpenedModel opened = open(o.common);
  require_indexer(opened, o.common, "eval sparsity");
  opened.files.config.indexer->layer_topk = {};  // the sizes asked for are those of every layer
  const auto topks = chosen_topks(o, window_tokens(o.common, opened.files.config.max_position_embeddings));
  const ModelAndText loaded = load_with_text(std::move(opened), o.common, o.text, topks.back());

  const CatchInterrupt interrupt;
  ProgressLine progress;
  const auto result = measure_sparsity(
      *loaded.model, loaded.documents, loaded.windows,
      {.topks = topks,
       .length = loaded.length,
       .rows = o.rows,
       .seed = o.seed,
       .perplexity = !o.no_perplexity},
      [&](std::int64_t done, std::int64_t total) { progress.update(done, total); }, interrupt.flag());
  progress.clear();
  if (interrupt.flag() && result.windows == 0) return kInterrupted;
  print(o.common.json ? as_json(o, loaded, result) : to_text(result));
  return interrupt.flag() ? kInterrupted : kDone;
}

}  // namespace

Action declare_eval_sparsity(Command command) {
  auto o = std::make_shared<SparsityCommand>();
  add_options(command, o->common, {OptionGroup::model, OptionGroup::engine, OptionGroup::json});
  // Both kinds of attention run, and --topks says over how many tokens.
  for (const char* option : {"--attention", "--top-k", "--top-k-layers"}) command.remove_option(option);
  add_text_options(command, o->text);
  command
      .add_option("--topks", o->topks,
                  "selection sizes, comma-separated (default: those of 128,256,512,1024 below --ctx)")
      .type_name("N,N,...")
      .comma_separated()
      .check(whole<std::int64_t>(1, std::numeric_limits<std::int32_t>::max()));
  command.add_option("--rows", o->rows, "query rows looked at in each context and layer")
      .check(whole<std::int64_t>(1, std::numeric_limits<std::int32_t>::max()))
      .show_default();
  command.add_option("--seed", o->seed, "chooses the rows").check(whole<std::uint64_t>()).show_default();
  command.add_flag("--no-perplexity", o->no_perplexity,
                   "only look at attention: one dense run a context instead of one and two for each size");
  command.footer(
      "How much of dense attention an indexer's selection keeps, "
      "by depth and by layer, beside the best possible\n"
      "selection, a sliding window with 4 sinks, and chance; "
      "and the perplexity of each (docs/evaluation.md).\n"
      "Ctrl-C reports the contexts that were finished.\n\nExample:\n"
      "  dsa eval sparsity smollm2 --indexer DIR --text docs --topks 256,512 --windows 4\n");
  return [o] { return eval_sparsity(*o); };
}

}  // namespace dsa::cli
