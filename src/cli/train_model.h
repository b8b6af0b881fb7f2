// dsa train model.
#pragma once

#include "cli/verb.h"

namespace dsa::cli {

Action declare_train_model(Command command);

}  // namespace dsa::cli
