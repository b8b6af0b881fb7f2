// dsa eval WHAT MODEL: how good a model's answers are, and what sparse attention costs them.
#include "cli/eval.h"

#include <array>

#include "cli/program.h"

namespace dsa::cli {
namespace {

constexpr std::array<Verb, 4> kEvalVerbs{{
    {"perplexity", "how well a model predicts text, by position", declare_eval_perplexity},
    {"sparsity", "what an indexer's selections keep of attention, and what they cost", declare_eval_sparsity},
    {"retrieval", "questions about long texts, dense beside sparse", declare_eval_retrieval},
    {"budget", "which layers should select more tokens, and which fewer", declare_eval_budget},
}};

}  // namespace

Action declare_eval(Command command) {
  command.footer("Example:\n  dsa eval perplexity smollm2 --text docs --ctx 2048\n\nEach has --help.\n");
  return declare_parts(command, kEvalVerbs);
}

}  // namespace dsa::cli
