// What stands for a side on the command line.
#pragma once

#include <string>
#include <string_view>

#include "model/options.h"

namespace dsa::compare {

struct SideSpec {
  std::string text;   // as it was given
  std::string url;    // with its #MODEL; "": a model here
  std::string model;  // a name or a path
  RunOptions run = {};
};

/// "smollm2", "smollm2:dense", "DIR:sparse:top-k=1024", "http://localhost:8000/v1#MODEL".  Throws Error for a
/// mode that is not known, unless a file has that very name.
SideSpec parse_side(std::string_view text);

}  // namespace dsa::compare
