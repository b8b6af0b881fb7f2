// What Git leaves in the place of a large file that was not downloaded.
#pragma once

#include <string_view>

#include "base/error.h"

namespace dsa {

/// Throws Error if `bytes`, the contents of the file named `who` or its beginning, are a Git LFS pointer.
inline void refuse_lfs_pointer(std::string_view bytes, std::string_view who) {
  if (bytes.starts_with("version https://git-lfs.github.com/spec/"))
    fail(
        "{}: is a Git LFS pointer, not the file itself: "
        "run `git lfs pull` in its folder, or download it again",
        who);
}

}  // namespace dsa
