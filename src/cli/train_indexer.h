// dsa train indexer.
#pragma once

#include "cli/verb.h"

namespace dsa::cli {

Action declare_train_indexer(Command command);

}  // namespace dsa::cli
