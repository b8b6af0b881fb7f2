// dsa train sparse.
#pragma once

#include "cli/verb.h"

namespace dsa::cli {

Action declare_train_sparse(Command command);

}  // namespace dsa::cli
