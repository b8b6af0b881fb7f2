// Unicode normalisation form C.
#pragma once

#include <string>
#include <string_view>

namespace dsa {

/// `valid` (UTF-8) in form C as `tokenizers` makes it (Unicode 9): itself if it is plainly normal already,
/// else kept in `storage`.  O(n log n) on any input: utf8proc's own reordering of combining marks is
/// quadratic, so that step is done here.
std::string_view nfc(std::string_view valid, std::string& storage);

}  // namespace dsa
