// The library's sentences name a setting in backticks, `context`, and know no command line.
#pragma once

#include <string>
#include <string_view>

namespace dsa::cli {

/// The sentence with every setting as it is typed: `context` becomes --ctx.
/// What else stands in backticks stays.
std::string as_typed(std::string_view sentence);

}  // namespace dsa::cli
