// dsa train sparse.
#pragma once

#include "cli/verb.h"

namespace dsa::cli {

Action declare_train_sparse(CLI::App& command);

}  // namespace dsa::cli
