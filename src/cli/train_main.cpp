// dsa-train WHAT [options], dsa-train rl WHAT [options]: what `dsa train` and `dsa rl` hand over to.
#include <array>
#include <string_view>

#include "cli/program.h"
#include "cli/train_indexer.h"
#include "cli/train_model.h"
#include "cli/train_rl.h"
#include "cli/train_sparse.h"
#include "cli/train_text.h"

namespace dsa::cli {
namespace {

constexpr std::array<Verb, 4> kStages{{
    {"indexer", "warm-up: teach an indexer to follow the attention of a frozen model", declare_train_indexer},
    {"sparse", "after it: train the model itself over the indexer's selections", declare_train_sparse},
    {"text", "before them: more documents to train on, made out of those at hand", declare_train_text},
    {"model", "a small model of DeepSeek-V3.2's architecture, from scratch", declare_train_model},
}};

constexpr std::array<Verb, 6> kRl{{
    {"sft", "a model learns to write solutions, or episodes from a file", declare_rl_sft},
    {"grpo", "a model plays tasks and learns from what was rewarded", declare_rl_grpo},
    {"eval", "how many tasks a model solves, beside another with paired intervals", declare_rl_eval},
    {"distill", "what specialists solved, taught to one model", declare_rl_distill},
    {"judge", "a model learns to answer a rubric about attempts", declare_rl_judge},
    {"recipe", "all of it in one command: specialists, distilled, one mixed stage", declare_rl_recipe},
}};

}  // namespace
}  // namespace dsa::cli

int main(int argc, char** argv) {
  if (argc > 1 && argv[1] == std::string_view("rl"))
    return dsa::cli::run_program({.name = "dsa rl",
                                  .summary = "Trains a small model by reward, on tasks that rules judge.",
                                  .footer = "Each has --help.  docs/recipe.md explains all of it.\n",
                                  .verbs = dsa::cli::kRl},
                                 argc - 1, argv + 1);
  return dsa::cli::run_program(
      {.name = "dsa train",
       .summary =
           "Gives a model a lightning indexer of its own, which lets it attend to a few hundred tokens "
           "instead of all; or trains a small model that has one from scratch.",
       .footer = "Example, an hour on two cores:\n"
                 "  dsa train indexer --model smollm2 --text \"$(tools/fetch_corpus)/train\" --out "
                 "my-indexer --hours 1\n\nEach stage has --help.  docs/training.md explains all of it.\n",
       .verbs = dsa::cli::kStages},
      argc, argv);
}
