// What a verb says of its options.  CLI11 reads them (docs/adr/0002-cli11.md); it is compiled in command.cpp
// alone, because a file that includes it costs ten seconds.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "cli/checks.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace dsa::cli {

/// What was typed is no command: exit status kWrongUsage.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An option of a command, to say more of it.  A view: copied freely, never outlives the CommandLine.
class Option {
 public:
  explicit Option(CLI::Option& option) : option_(&option) {}

  Option type_name(const std::string& name);
  /// Of several checks the one added last is the first to be asked.
  Option check(const Check& check);
  Option required();
  /// In --help; the value as it is now.
  Option show_default();
  /// What --help says in its place: an empty list stands for that.
  Option default_text(const std::string& text);
  Option excludes(Option other);
  /// Values may also stand in one word.
  Option comma_separated();

 private:
  CLI::Option* option_;
};

/// A command, as `dsa`, `dsa eval` and `dsa eval sparsity` are.  A view, as above.
class Command {
 public:
  explicit Command(CLI::App& app) : app_(&app) {}

  /// `names`: "-p,--prompt" or, without hyphens, by its place.  `value` holds the default and must live until
  /// the parse is over; it is a string, an int, std::int64_t, std::uint64_t, double, an optional string, or a
  /// vector of strings or std::int64_t.  A vector takes all that is typed, any other value the last of it.
  template <class T>
  Option add_option(const std::string& names, T& value, const std::string& help);
  /// `take` gets what was typed and may throw UsageError.
  Option add_option_function(const std::string& names, const std::function<void(const std::string&)>& take,
                             const std::string& help);
  Option add_flag(const std::string& names, bool& value, const std::string& help);
  /// "--think{on}": the flag stands for that word.
  Option add_flag(const std::string& names, std::string& value, const std::string& help);
  Option option(const std::string& name);
  void remove_option(const std::string& name);
  /// What --help says behind the options.
  void footer(const std::string& text);

  Command add_command(std::string_view name, std::string_view summary);
  /// One of its commands must be typed.
  void require_command();
  /// It has no options: all that is typed behind it, --help too, is for rest().
  void take_everything();

  /// Of all options but --help: "--port", "model" of one that is known by its place.
  [[nodiscard]] std::vector<std::string> option_names() const;
  /// As if `values` had been typed.  Throws UsageError.
  void set(const std::string& option, const std::vector<std::string>& values);
  /// What was typed or set, else the default as --help shows it; none if there is none.
  [[nodiscard]] std::vector<std::string> values(const std::string& option) const;

  [[nodiscard]] bool has_option(const std::string& name) const;
  [[nodiscard]] bool was_typed(const std::string& option) const;
  [[nodiscard]] std::vector<std::string> rest() const;

  [[nodiscard]] std::string name() const;
  [[nodiscard]] std::string full_name() const;  // "dsa eval sparsity"
  [[nodiscard]] std::vector<Command> commands() const;
  /// Whether it is the one that was typed, or on the way to it.
  [[nodiscard]] bool was_chosen() const;

 private:
  CLI::App* app_;
};

/// All commands of a program, and what was made of what was typed.
class CommandLine {
 public:
  CommandLine(const std::string& name, const std::string& summary, const std::string& version);
  ~CommandLine();

  [[nodiscard]] Command command() { return Command(*app_); }
  /// `arguments`: without the program's name.  False if they ask for --help or --version, which is then
  /// printed.  Throws UsageError.
  [[nodiscard]] bool parse(std::vector<std::string> arguments);

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace dsa::cli
