// Whether something is there, told apart from whether one may look.
#pragma once

#include <filesystem>

namespace dsa {

/// False only if there is nothing at the path.  Throws Error if that cannot be known (no right to look, a
/// disk that fails), and on a symbolic link whose target is gone: something was meant to be there.
bool present(const std::filesystem::path& path);

}  // namespace dsa
