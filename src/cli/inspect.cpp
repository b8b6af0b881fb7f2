// dsa inspect MODEL
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/catalogue.h"
#include "cli/model_report.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/verb.h"

namespace dsa::cli {

Action declare_inspect(CLI::App& command) {
  auto options = std::make_shared<Options>();
  add_options(command, *options, {OptionGroup::model, OptionGroup::json});
  command.footer(
      "Reads headers only: a 700 GB checkpoint takes seconds.\n\nExample:\n  dsa inspect smollm2\n");
  return [options] {
    const ModelReport found = report(open_model(resolve_model(options->model)));
    print(options->json ? to_json(found).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"
                        : to_text(found));
    return kDone;
  };
}

}  // namespace dsa::cli
