// Settings as a TOML file: [workload], [machine], [site], [decision], and a [[price]] for each API.
#pragma once

#include <filesystem>
#include <string>

#include "cost/settings.h"

namespace dsa::cost {

/// Lays a file over the settings: a key that it does not name stays, a price of a known name is replaced,
/// another one added; `announcement_prices = false` begins with none.  A number may be a range, [low, high].
/// Throws Error, with the line, for what is no TOML, a table or key that there is not, a value that it cannot
/// have.
void read_settings(Settings& settings, const std::filesystem::path& file);

/// The same from a text; `who` begins every error.
void read_settings_text(Settings& settings, std::string_view text, const std::string& who);

/// All of them as such a file: read again it gives the same.
std::string settings_as_toml(Settings settings);

/// "[0.1, 0.3]", or "60" for a range of one.
std::string range_as_toml(const Range& range);

}  // namespace dsa::cost
