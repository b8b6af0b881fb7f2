// Every option of `dsa serve` is also an environment variable and a key of a TOML file.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/command.h"

namespace dsa::cli {

/// What a file holds beside options.
struct SettingsTables {
  nlohmann::json prices;  // null if there is none
  nlohmann::json models;  // the same
  nlohmann::json versions, volatile_lines;
  std::string as_toml;
};

/// Sets what was not typed: from DSA_SERVE_NAME, else from the key of that name in `file`, "" being that of
/// DSA_SERVE_CONFIG, if any.  Hyphens of an option are underscores there.  Throws Error for a file that
/// cannot be read, UsageError for a variable or key that is no option, or a value that it cannot have.
SettingsTables take_settings(Command command, std::string file);

/// All of them as such a file, with the values that they have now.
std::string settings_as_toml(const Command& command, const SettingsTables& tables);

/// The option that a key of a file stands for: "top_k" is "--top-k".
std::string as_option(std::string key);
/// What a value of a file is as it would be typed, one word or several.  Throws UsageError.
std::vector<std::string> values_of(const nlohmann::json& value, const std::string& who);

}  // namespace dsa::cli
