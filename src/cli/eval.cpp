// dsa eval WHAT MODEL: how good a model's answers are, and what sparse attention costs them.
#include "cli/eval.h"

#include <CLI/CLI.hpp>
#include <array>

#include "base/error.h"

namespace dsa::cli {
namespace {

constexpr std::array<Verb, 3> kParts{{
    {"perplexity", "how well a model predicts text, by position", declare_eval_perplexity},
    {"sparsity", "what an indexer's selections keep of attention, and what they cost", declare_eval_sparsity},
    {"retrieval", "questions about long texts, dense beside sparse", declare_eval_retrieval},
}};

}  // namespace

Action declare_eval(CLI::App& command) {
  command.require_subcommand(1);
  std::vector<std::pair<CLI::App*, Action>> parts;
  for (const Verb& part : kParts) {
    CLI::App* app = command.add_subcommand(std::string(part.name), std::string(part.summary));
    parts.emplace_back(app, part.declare(*app));
  }
  command.footer("Example:\n  dsa eval perplexity smollm2 --text docs --ctx 2048\n\nEach has --help.\n");
  return [parts] {
    for (const auto& [app, action] : parts)
      if (app->parsed()) return action();
    DSA_CHECK(false);
    return kFailed;
  };
}

}  // namespace dsa::cli
