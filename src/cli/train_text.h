// dsa train text.
#pragma once

#include "cli/verb.h"

namespace dsa::cli {

Action declare_train_text(Command command);

}  // namespace dsa::cli
