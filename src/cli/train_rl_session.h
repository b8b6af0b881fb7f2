// What the trainings of `dsa rl` begin with: options read, a checkpoint or none, a model, a folder.
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "checkpoint/fingerprint.h"
#include "cli/catalogue.h"
#include "cli/train_options.h"
#include "cli/train_progress.h"
#include "rl/tasks/task_file.h"
#include "rl/train/judge.h"
#include "rl/train/training_base.h"

namespace dsa::cli {

/// Help of the settings that all of them have.
inline constexpr std::array kTaskHelp{
    SettingHelp{
        "domains",
        "tasks to train on, hardest ones, shares: counting@4:2,logic:1; all (dsa rl tasks lists them)"},
    SettingHelp{"easiest", "difficulty of the easiest tasks"},
    SettingHelp{"hardest",
                "difficulty of the hardest, of domains that do not say; drawn evenly between the two"},
    SettingHelp{"stretch",
                "bytes that a prompt is stretched to by what does not matter; drawn evenly up to that"},
    SettingHelp{"stretched", "share of the tasks whose prompts are stretched"},
    SettingHelp{"style", "steps: solutions with their steps; brief: without; both: by turns"},
    SettingHelp{"ctx", "tokens of an episode, at most"},
    SettingHelp{"attention", "sparse, over the indexers' selections, or dense; in play and in training"},
    SettingHelp{"indexers", "frozen, or train: they follow the attention over what they select"},
    SettingHelp{"indexer-lr", "learning rate of the indexers, where they are trained"},
    SettingHelp{
        "lora",
        "train additions of this rank to the matrices of a grouped-query model; 0: all of its weights"},
    SettingHelp{"compute",
                "f32: what is played and what is trained on are the same numbers; auto: BF16 products"},
    SettingHelp{"seed", "of tasks and of what is sampled"},
};

/// Those that learning from examples has besides.
inline constexpr std::array kSftHelp{
    SettingHelp{"batch", "episodes of a step"},
    SettingHelp{"lr", "peak learning rate; falls to a tenth by half a cosine"},
    SettingHelp{"rise", "steps over which it rises"},
    SettingHelp{"clip", "largest norm of the gradient"},
};

/// --model, those of add_run_options(), and the settings' own.
template <class Settings>
void add_rl_options(Command command, TrainOptions& o, Settings& settings, std::span<const SettingHelp> help) {
  o.model = "tiny-v32";
  command
      .add_option("--model", o.model,
                  "what it begins with: tiny-v32, smollm2, or a folder of a deepseek_v32, Llama or Qwen")
      .type_name("MODEL")
      .show_default();
  add_run_options(command, o, "the same number gives the same bits");
  add_settings(command, settings, kTaskHelp);
  add_settings(command, settings, help);
}

/// With the indexer that comes with dsa, if one was made for it.
inline OpenedModel open_for_tasks(const std::filesystem::path& path) {
  return with_indexer(open_model(path), {.indexer_folders = shipped_models()});
}

/// SHA-256 of what is in it.  Throws Error.
inline std::string file_hash(const std::string& path) {
  const MappedFile file(path);
  Sha256 hash;
  hash.add(file.bytes());
  return hash.hex();
}

template <class Settings>
struct RlSession {
  std::filesystem::path path;
  std::optional<rl::PolicyCheckpoint<Settings>> checkpoint;
  OpenedModel opened;
  Tokenizer tokenizer;
  std::vector<rl::DomainShare> domains;
  Exec exec;

  /// Throws Error.
  RlSession(Command command, const TrainOptions& o, const Settings& typed)
      : path(resolve_model(o.model)),
        checkpoint(read(command, o, typed)),
        opened(open_for_tasks(path)),
        tokenizer(fitting_tokenizer(opened.files)),
        exec(o.threads > 0 ? o.threads : Exec::default_threads()) {
    const Settings& settings = checkpoint ? checkpoint->settings : typed;
    if (settings.domains.empty()) fail("--domains is missing: `dsa rl tasks` lists them; all: every one");
    validate(settings);
    domains = rl::parse_domains(settings.domains);
    rl::check_trainable(opened.files, tokenizer, settings);
  }
  [[nodiscard]] rl::Wording wording() const { return {opened.files.config, tokenizer}; }
  /// A training of `lessons`: a new one in a new folder, or the one there.  Throws Error.
  rl::TrainingContext begin(const TrainOptions& o, const Settings& typed, std::string lessons) {
    for (const auto& one : domains)
      if (one.domain->name.ends_with(rl::kTaskFileEnd))
        lessons += ", file " + file_hash(std::string(one.domain->name));
    const rl::TrainingContext context{.base = opened.files,
                                      .tokenizer = tokenizer,
                                      .exec = exec,
                                      .domains = domains,
                                      .folder = o.out,
                                      .indexer = opened.indexer_tensors.get(),
                                      .indexer_folders = shipped_models()};
    if (checkpoint) {
      train::check_identity(checkpoint->identity, rl::identity_of(opened.files, lessons), path, o.out);
      return context;
    }
    refuse_second_training(o);
    checkpoint = rl::new_policy_checkpoint(opened.files, typed, lessons, budget_of(o));
    create_out_folder(o);
    rl::begin_folder(context);
    return context;
  }

 private:
  static std::optional<rl::PolicyCheckpoint<Settings>> read(Command command, const TrainOptions& o,
                                                            const Settings& typed) {
    if (!o.resume) return std::nullopt;
    auto out = rl::read_policy_checkpoint<Settings>(checkpoint_to_resume(o));
    check_resumed(command, o, typed, out.settings, out.progress);
    return out;
  }
};

/// A judge model from a folder, with what it needs.
struct OpenJudge {
  std::string weights;  // their digest
  Tokenizer tokenizer;
  std::optional<rl::Judge> judge;

  /// Throws Error.
  OpenJudge(const std::string& folder, std::int64_t context, const Exec& exec)
      : OpenJudge(with_indexer(open_model(resolve_model(folder)), {}), context, exec) {}

 private:
  OpenJudge(OpenedModel opened, std::int64_t context, const Exec& exec)
      : weights(weights_digest(*opened.files.tensors)), tokenizer(fitting_tokenizer(opened.files)) {
    const std::int64_t most = std::min(context, opened.files.config.max_position_embeddings);
    judge.emplace(std::move(opened), tokenizer, most, exec);
  }
};

/// What the last look at tasks that are not trained on found.
inline std::string solved_line(const train::TrainLog& log) {
  const auto* look = last_look(log);
  if (look == nullptr || !look->reward) return "";
  std::string out = "solved of tasks not trained on:";
  for (const auto& [domain, share] : look->reward->domains)
    out += fmt::format(" {} {:.1f} %", domain, 100 * share);
  return out + "\n";
}

inline std::string rl_closing(const train::TrainingLoop& loop, const TrainOptions& o) {
  return solved_line(loop.log()) +
         fmt::format("{0}: the model (dsa rl eval --model {0}), README.md, report.html, train_log.jsonl\n",
                     printable(o.out, 1000));
}

}  // namespace dsa::cli
