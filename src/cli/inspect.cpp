// dsa inspect MODEL
#include <memory>

#include "base/error.h"
#include "base/json.h"
#include "cli/model_report.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/verb.h"

namespace dsa::cli {

Action declare_inspect(Command command) {
  auto options = std::make_shared<Options>();
  add_options(command, *options, {OptionGroup::model, OptionGroup::json});
  command.footer(
      "Reads headers only: a 700 GB checkpoint takes seconds.\n\nExample:\n  dsa inspect smollm2\n");
  return [options] {
    const ModelReport found = report(open(*options));
    print(options->json ? json_text(to_json(found), 2) + "\n" : to_text(found));
    if (!found.problem.empty()) throw Error(found.problem);
    return kDone;
  };
}

}  // namespace dsa::cli
