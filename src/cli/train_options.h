// Options, messages and progress that every stage of `dsa train` shares.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "cli/command.h"
#include "text/documents.h"
#include "train/loop/progress.h"

namespace dsa::cli {

struct TrainOptions {
  std::string model = "smollm2";
  std::vector<std::string> text, held_out;
  std::string chat_format;  // of conversations in them; "": the model's own
  std::string out;
  train::Budget budget;
  int threads = 0;
  bool resume = false;
  double save_seconds = 120;
};

/// --model, for a training that begins with one.
void add_base_model(Command command, TrainOptions& o);
/// --out, how long, --threads, --resume, --save-seconds; what is said about --threads differs.
void add_run_options(Command command, TrainOptions& o, const std::string& threads_help);
/// Those, and the text to train on.
void add_train_options(Command command, TrainOptions& o, const std::string& threads_help);

struct SettingHelp {
  const char* name;
  const char* text;
};
/// An option --name for every setting of `s` that `help` names; defaults of nothing are for the text to tell.
template <class Settings>
void add_settings(Command command, Settings& s, std::span<const SettingHelp> help) {
  for_each_setting(s, [&](const char* name, auto& value) {
    const auto found = std::ranges::find(help, std::string_view(name), &SettingHelp::name);
    if (found == help.end()) return;
    Option option = command.add_option(std::string("--") + name, value, found->text);
    using Value = std::decay_t<decltype(value)>;
    if (value != Value{}) option.show_default();
    if constexpr (std::is_integral_v<Value> && !std::is_same_v<Value, bool>)
      option.check({.complaint = whole<Value>().complaint, .description = ""});
  });
}

/// Throws Error if the folder holds a training already.
void refuse_second_training(const TrainOptions& o);
/// Throws Error unless the folder holds a checkpoint.
std::filesystem::path checkpoint_to_resume(const TrainOptions& o);

/// Throws Error if an option was typed beside --resume with another value than the training was started with.
template <class Value>
void check_typed(Command command, const TrainOptions& o, const std::string& name, const Value& now,
                 const Value& then) {
  if (command.was_typed("--" + name) && now != then)
    fail("--resume: the training in {} was started with --{} {}, not {}: leave the option out",
         printable(o.out, 1000), name, then, now);
}
template <class Settings>
void check_resumed(Command command, const TrainOptions& o, const Settings& typed, const Settings& started,
                   const train::Progress& p) {
  for_each_setting(typed, [&](const std::string& name, const auto& now) {
    if (!command.has_option("--" + name)) return;
    for_each_setting(started, [&](const std::string& other, const auto& then) {
      if constexpr (std::is_same_v<decltype(now), decltype(then)>)
        if (name == other) check_typed(command, o, name, now, then);
    });
  });
  if (p.hours > 0)
    check_typed(command, o, "hours", o.budget.hours, p.hours);
  else
    check_typed(command, o, "tokens", o.budget.tokens, p.budget);
}

/// The budget asked for: an hour where none is.
train::Budget budget_of(const TrainOptions& o);
void create_out_folder(const TrainOptions& o);

struct TrainText {
  std::vector<Document> text, held_out;
};
/// --text and --held-out.  Throws Error as read_documents() does, and where
/// either holds no document of a whole context.
TrainText read_train_text(const TrainOptions& o, const Tokenizer& tokenizer, Architecture architecture,
                          std::int64_t context);

/// Throws Error if a context is longer than the model's.
void check_context(std::int64_t context, const ModelConfig& config, const std::filesystem::path& model);

}  // namespace dsa::cli
