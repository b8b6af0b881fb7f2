// What a step of a model from scratch found, in numbers for log and router.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "train/loop/train_log.h"
#include "train/pretrain/mla_model.h"

namespace dsa::train {

/// KL, and recall where it was measured, over the layers.
PassSummary summarize(std::span<const MlaModel::IndexerLoss> indexers);
std::vector<double> kl_of(std::span<const MlaModel::IndexerLoss> indexers);

/// Nothing if no layer has experts.
std::optional<ExpertRecord> experts_of(const MlaModel::Losses& losses);

/// Moves every router's bias by `speed` against the load: an expert that got more than its share is chosen a
/// little less from now on, and no loss is bent for it (Wang et al. 2024; DeepSeek-V3, section 2.1.2).
void balance_routers(NamedTensors& weights, const MlaModel::Losses& losses, double speed);

}  // namespace dsa::train
