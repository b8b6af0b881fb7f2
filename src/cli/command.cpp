#include "cli/command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <optional>

namespace dsa::cli {
namespace {

template <class T>
constexpr bool kIsVector = false;
template <class T>
constexpr bool kIsVector<std::vector<T>> = true;

Option last_counts(CLI::Option* option) {
  return Option(*option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast));
}

}  // namespace

Check within(double min, double max) {
  return {[=](const std::string& text) -> std::string {
            double value = 0;
            const bool fits = CLI::detail::lexical_cast(text, value) && value >= min && value <= max;
            return fits ? "" : fmt::format("{} is not a number from {} to {}", text, min, max);
          },
          fmt::format("{} to {}", min, max)};
}

Check one_of(std::vector<std::string> words) {
  const std::string all = fmt::format("{{{}}}", fmt::join(words, ","));
  return {[=, words = std::move(words)](const std::string& text) -> std::string {
            const bool fits = std::ranges::find(words, text) != words.end();
            return fits ? "" : fmt::format("{} not in {}", text, all);
          },
          all};
}

Option Option::type_name(const std::string& name) {
  option_->type_name(name);
  return *this;
}

Option Option::check(const Check& check) {
  option_->transform(CLI::Validator(check.complaint, check.description));
  return *this;
}

Option Option::required() {
  option_->required();
  return *this;
}

Option Option::show_default() {
  option_->capture_default_str();
  return *this;
}

Option Option::default_text(const std::string& text) {
  option_->default_str(text);
  return *this;
}

Option Option::excludes(Option other) {
  option_->excludes(other.option_);
  return *this;
}

Option Option::comma_separated() {
  option_->delimiter(',');
  return *this;
}

template <class T>
Option Command::add_option(const std::string& names, T& value, const std::string& help) {
  CLI::Option* option = app_->add_option(names, value, help);
  if constexpr (!kIsVector<T>) return last_counts(option);
  return Option(*option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll));
}
template Option Command::add_option(const std::string&, std::string&, const std::string&);
template Option Command::add_option(const std::string&, int&, const std::string&);
template Option Command::add_option(const std::string&, std::int64_t&, const std::string&);
template Option Command::add_option(const std::string&, std::uint64_t&, const std::string&);
template Option Command::add_option(const std::string&, double&, const std::string&);
template Option Command::add_option(const std::string&, std::optional<std::string>&, const std::string&);
template Option Command::add_option(const std::string&, std::vector<std::string>&, const std::string&);
template Option Command::add_option(const std::string&, std::vector<std::int64_t>&, const std::string&);

Option Command::add_option_function(const std::string& names,
                                    const std::function<void(const std::string&)>& take,
                                    const std::string& help) {
  return last_counts(app_->add_option_function<std::string>(names, take, help));
}

Option Command::add_flag(const std::string& names, bool& value, const std::string& help) {
  return Option(*app_->add_flag(names, value, help));
}
Option Command::add_flag(const std::string& names, std::string& value, const std::string& help) {
  return Option(*app_->add_flag(names, value, help));
}

Option Command::option(const std::string& name) { return Option(*app_->get_option(name)); }
void Command::remove_option(const std::string& name) { app_->remove_option(app_->get_option(name)); }
void Command::footer(const std::string& text) { app_->footer(text); }

Command Command::add_command(std::string_view name, std::string_view summary) {
  return Command(*app_->add_subcommand(std::string(name), std::string(summary)));
}
void Command::require_command() { app_->require_subcommand(1); }
void Command::take_everything() {
  app_->set_help_flag();
  app_->prefix_command();
}

std::vector<std::string> Command::option_names() const {
  std::vector<std::string> names;
  for (const CLI::Option* option : app_->get_options([](const CLI::Option*) { return true; }))
    if (option != app_->get_help_ptr())
      names.push_back(option->get_positional() ? option->get_single_name()
                                               : "--" + option->get_single_name());
  return names;
}

void Command::set(const std::string& option, const std::vector<std::string>& values) {
  CLI::Option* found = app_->get_option(option);
  try {
    found->clear();
    for (const std::string& value : values) found->add_result(value);
    found->run_callback();
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
}

std::vector<std::string> Command::values(const std::string& option) const {
  const CLI::Option* found = app_->get_option(option);
  if (found->count() > 0) return found->results();
  const std::string text = found->get_default_str();
  return text.empty() ? std::vector<std::string>{} : std::vector{text};
}

bool Command::has_option(const std::string& name) const { return app_->get_option_no_throw(name) != nullptr; }
bool Command::was_typed(const std::string& option) const { return app_->count(option) > 0; }
std::vector<std::string> Command::rest() const { return app_->remaining(); }

std::string Command::name() const { return app_->get_name(); }
std::string Command::full_name() const {
  const CLI::App* parent = app_->get_parent();
  std::string name = app_->get_name();
  for (; parent != nullptr; parent = parent->get_parent()) name = parent->get_name() + " " + name;
  return name;
}
std::vector<Command> Command::commands() const {
  std::vector<Command> all;
  for (CLI::App* app : app_->get_subcommands([](CLI::App*) { return true; })) all.emplace_back(*app);
  return all;
}
bool Command::was_chosen() const { return app_->parsed(); }

CommandLine::CommandLine(const std::string& name, const std::string& summary, const std::string& version)
    : app_(std::make_unique<CLI::App>(summary, name)) {
  app_->set_version_flag("--version", version);
}
CommandLine::~CommandLine() = default;

bool CommandLine::parse(std::vector<std::string> arguments) {
  std::ranges::reverse(arguments);  // CLI11 takes a vector from its end
  try {
    app_->parse(std::move(arguments));
    return true;
  } catch (const CLI::Success& asked) {
    app_->exit(asked);
    return false;
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
}

}  // namespace dsa::cli
