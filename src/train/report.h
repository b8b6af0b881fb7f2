// The training as a page: one file, plots inside, no network.
#pragma once

#include <string>

#include "train/checkpoint.h"
#include "train/train_log.h"

namespace dsa::train {

std::string html_report(const std::string& model, const Checkpoint& checkpoint, const TrainLog& log);

}  // namespace dsa::train
