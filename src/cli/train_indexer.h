// dsa train indexer.
#pragma once

#include "cli/verb.h"

namespace dsa::cli {

Action declare_train_indexer(CLI::App& command);

}  // namespace dsa::cli
