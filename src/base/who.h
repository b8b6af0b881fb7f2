// The "who" of an error about a file.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"

namespace dsa {

/// The path as an error or a log line begins with: whole, and safe to print.
inline std::string who(const std::filesystem::path& path) { return printable(path.string(), 1000); }

}  // namespace dsa
