// Environment variables and the places they name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace dsa {

/// The variable's value, or `fallback` if it is unset or empty.
std::string env_or(const char* name, std::string_view fallback);

/// A whole number within [min, max], or nullopt if unset or empty; throws Error if it is anything else.
std::optional<std::int64_t> env_int(const char* name, std::int64_t min, std::int64_t max);

/// $DSA_HOME, else $XDG_DATA_HOME/dsa, else ~/.local/share/dsa: where models
/// and caches are kept.  Not created here.
std::filesystem::path dsa_home();

}  // namespace dsa
