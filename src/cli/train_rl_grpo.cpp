// dsa rl grpo --model DIR --domains LIST --out DIR: a model plays tasks and learns from what was rewarded.
#include <memory>

#include "cli/train_rl.h"
#include "cli/train_rl_session.h"
#include "rl/train/grpo_trainer.h"

namespace dsa::cli {
namespace {

struct Options : TrainOptions {
  rl::GrpoSettings settings;
};

int rl_grpo(Command command, const Options& o) {
  RlSession<rl::GrpoSettings> session(command, o, o.settings);
  const std::string folder = session.checkpoint ? session.checkpoint->settings.judge : o.settings.judge;
  std::optional<OpenJudge> judge;
  if (!folder.empty()) judge.emplace(folder, o.settings.context, session.exec);
  const auto context =
      session.begin(o, o.settings, "tasks by reward" + (judge ? ", judged by " + judge->weights : ""));
  const std::int64_t patience = session.checkpoint->settings.patience;
  rl::GrpoTrainer trainer(context, std::move(*session.checkpoint), judge ? &*judge->judge : nullptr);
  const int status =
      run_training(trainer, o, [&](const train::TrainingLoop& loop) { return rl_closing(loop, o); });
  if (status != kDone || !trainer.gave_up()) return status;
  fmt::print(
      stderr,
      "dsa: {} steps in a row had no group whose rewards differ: the tasks are too hard or too easy for "
      "this model; change the difficulty, or teach it first (dsa rl sft)\n",
      patience);
  return kNothingToLearn;
}

constexpr SettingHelp kHelp[] = {
    {"tasks", "tasks of a step"},
    {"samples", "episodes of each task: a group, whose mean reward is what one is measured by"},
    {"again", "share of a step's tasks that were solved sometimes when played last, and are played again"},
    {"message-tokens", "tokens of a message, at most"},
    {"sample-top-p", "tokens are chosen from the fewest that reach it, and trained as chosen from those"},
    {"updates", "of the weights in a step, each from its share of the groups"},
    {"objective", "v32, grpo, dapo, dr-grpo or gspo, as published"},
    {"kl", "weight of the divergence from the model that it began with; 0: none is taken"},
    {"off-policy", "answers worse than their group are left out past this mean of log(old / now); 0: never"},
    {"overlong", "weight of the penalty of an episode of more than three quarters of --message-tokens"},
    {"length", "weight of the reward of the short ones of a group"},
    {"language", "weight of the share of English words"},
    {"outcome", "weight of the task's own score"},
    {"judge", "a folder with a model that answers the rubric's lines about each episode (dsa rl judge)"},
    {"judge-weight", "weight of its answers, where there is one"},
    {"replay",
     "selections: what was selected, and which experts, in play is so in training; recompute: anew"},
    {"lr", "learning rate, behind its rise"},
    {"rise", "steps over which it rises"},
    {"clip", "largest norm of the gradient"},
    {"patience", "steps in a row without a group whose rewards differ: then it ends, with exit status 3"},
};

}  // namespace

Action declare_rl_grpo(Command command) {
  auto o = std::make_shared<Options>();
  add_rl_options(command, *o, o->settings, kHelp);
  command.footer(
      "Every step the model plays tasks on dsa's own engine with the weights of that step, and learns from "
      "the episodes that were\nworth more or less than others of the same task.  Ctrl-C saves and stops.\n\n"
      "Examples:\n"
      "  dsa rl grpo --model my-start --domains counting --out my-specialist --hours 0.3\n"
      "  dsa rl grpo --model my-start --domains counting --out my-specialist --resume\n");
  return [command, o] { return rl_grpo(command, *o); };
}

}  // namespace dsa::cli
