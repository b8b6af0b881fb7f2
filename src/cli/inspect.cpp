// dsa inspect MODEL
#include <CLI/CLI.hpp>
#include <memory>

#include "base/error.h"
#include "base/json.h"
#include "cli/catalogue.h"
#include "cli/model_report.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/verb.h"
#include "model/attach_indexer.h"

namespace dsa::cli {

Action declare_inspect(CLI::App& command) {
  auto options = std::make_shared<Options>();
  add_options(command, *options, {OptionGroup::model, OptionGroup::json});
  command.footer(
      "Reads headers only: a 700 GB checkpoint takes seconds.\n\nExample:\n  dsa inspect smollm2\n");
  return [options] {
    ModelFiles files = open_model(resolve_model(options->model));
    const auto indexer = attach_indexer(files, model_options(*options));
    const ModelReport found = report(files, indexer ? &*indexer : nullptr);
    print(options->json ? json_text(to_json(found), 2) + "\n" : to_text(found));
    if (!found.problem.empty()) throw Error(found.problem);
    return kDone;
  };
}

}  // namespace dsa::cli
