#include "cli/serve_settings.h"

#include <unistd.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "accounts/postgres.h"
#include "base/env.h"
#include "base/error.h"
#include "base/json.h"

namespace dsa::cli {
namespace {

constexpr std::string_view kPrefix = "DSA_SERVE_";

// "--unix-socket" is unix_socket in a file and DSA_SERVE_UNIX_SOCKET among the variables.
std::string as_key(std::string name) {
  name.erase(0, name.find_first_not_of('-'));
  std::ranges::replace(name, '-', '_');
  return name;
}
std::string as_variable(const std::string& name) {
  std::string out = as_key(name);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return std::string(kPrefix) + out;
}

// These say where settings come from, and are none.
bool is_setting(const std::string& name) {
  return as_key(name) != "config" && as_key(name) != "print_config" && as_key(name) != "check" &&
         as_key(name) != "estimate";
}

// Tables of the file that are no options.
struct FileTable {
  std::string_view key;
  nlohmann::json SettingsTables::*place;
};
constexpr FileTable kTables[] = {{"prices", &SettingsTables::prices},
                                 {"models", &SettingsTables::models},
                                 {"versions", &SettingsTables::versions},
                                 {"volatile_lines", &SettingsTables::volatile_lines}};
bool is_table(std::string_view key) {
  return std::ranges::find(kTables, key, &FileTable::key) != std::end(kTables);
}

SettingsTables tables_of(const toml::table& file, const std::string& who) {
  SettingsTables out;
  for (const auto& [name, place] : kTables) {
    const toml::node* table = file.get(name);
    if (table == nullptr) continue;
    if (!table->is_table() && !table->is_array_of_tables())
      throw UsageError(fmt::format("{}: {}: expected a table", printable(who), name));
    std::ostringstream json, toml;
    json << toml::json_formatter(*table);
    out.*place = parse_json(json.str(), who);
    toml::table alone;
    alone.insert(name, *table);
    toml << '\n' << toml::toml_formatter(alone) << '\n';
    out.as_toml += toml.str();
  }
  return out;
}

std::vector<std::string> settings_of(const Command& command) {
  std::vector<std::string> names = command.option_names();
  std::erase_if(names, [](const std::string& name) { return !is_setting(name); });
  return names;
}

std::vector<std::string> values_of_node(const toml::node& node, const std::string& who) {
  if (node.is_table() || node.is_date() || node.is_time() || node.is_date_time()) return values_of({}, who);
  std::ostringstream text;
  text << toml::json_formatter(node);
  return values_of(parse_json(text.str(), who), who);
}

toml::table read_file(const std::string& file) {
  try {
    return toml::parse_file(file);
  } catch (const toml::parse_error& error) {
    fail("{}:{}: {}", printable(file), error.source().begin.line, printable(error.description(), 200));
  }
}

void check_variables(const std::vector<std::string>& names) {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!text.starts_with(kPrefix) || text.starts_with("DSA_SERVE_CONFIG=")) continue;
    const std::string_view variable = text.substr(0, text.find('='));
    const bool known =
        std::ranges::any_of(names, [&](const auto& name) { return as_variable(name) == variable; });
    if (!known) throw UsageError(fmt::format("{} is set, and there is no such option", printable(variable)));
  }
}

}  // namespace

std::string as_option(std::string key) {
  std::ranges::replace(key, '_', '-');
  return std::string("--").append(key);
}

std::vector<std::string> values_of(const nlohmann::json& value, const std::string& who) {
  const auto word = [&](const nlohmann::json& one) {
    if (one.is_string()) return one.get<std::string>();
    if (one.is_boolean() || one.is_number()) return json_text(one);
    throw UsageError(who + ": expected a string, a number, true or false, or a list of strings");
  };
  if (!value.is_array()) return {word(value)};
  std::vector<std::string> words;
  for (const nlohmann::json& one : value) words.push_back(word(one));
  return words;
}

SettingsTables take_settings(Command command, std::string file) {
  const std::vector<std::string> names = settings_of(command);
  if (file.empty()) file = env_or("DSA_SERVE_CONFIG", "");
  check_variables(names);
  toml::table table;
  if (!file.empty()) table = read_file(file);
  for (const auto& [key, value] : table) {
    if (is_table(key.str())) continue;
    const bool known =
        std::ranges::any_of(names, [&](const auto& name) { return as_key(name) == key.str(); });
    if (!known)
      throw UsageError(fmt::format("{}: there is no option \"{}\"", printable(file), printable(key.str())));
  }
  for (const std::string& name : names) {
    if (command.was_typed(name)) continue;
    const std::string variable = as_variable(name);
    const char* set = std::getenv(variable.c_str());
    const toml::node* node = table.get(as_key(name));
    try {
      if (set != nullptr && *set != '\0')
        command.set(name, {set});
      else if (node != nullptr)
        command.set(name, values_of_node(*node, as_key(name)));
    } catch (const UsageError& error) {
      const bool from_file = set == nullptr || *set == '\0';
      throw UsageError(fmt::format("{}: {}", from_file ? printable(file) : variable, error.what()));
    }
  }
  return tables_of(table, file);
}

std::string settings_as_toml(const Command& command, const SettingsTables& tables) {
  std::string out;
  for (const std::string& name : settings_of(command)) {
    std::vector<std::string> values = command.values(name);
    std::ranges::transform(values, values.begin(), accounts::without_password);
    if (values.empty()) {
      out += fmt::format("# {} =\n", as_key(name));
      continue;
    }
    // A string or a list of strings is written as in JSON.
    const nlohmann::json value = values.size() > 1 ? nlohmann::json(values) : nlohmann::json(values.front());
    out += fmt::format("{} = {}\n", as_key(name), json_text(value));
  }
  return out + tables.as_toml;
}

}  // namespace dsa::cli
