// How evenly a step's tokens went to the experts, and the routers' answer to it.
#pragma once

#include <optional>

#include "train/loop/train_log.h"
#include "train/pretrain/mla_model.h"

namespace dsa::train {

/// Nothing if no layer has experts.
std::optional<ExpertRecord> experts_of(const MlaModel::Losses& losses);

/// Moves every router's bias by `speed` against the load: an expert that got more than its share is chosen a
/// little less from now on, and no loss is bent for it (Wang et al. 2024; DeepSeek-V3, section 2.1.2).
void balance_routers(FlatTensors& weights, const MlaModel::Losses& losses, double speed);

}  // namespace dsa::train
