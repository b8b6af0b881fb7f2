// The DeepSeek part of a config.json: latent attention, experts, indexer, MTP.
#pragma once

#include "checkpoint/config_reader.h"
#include "checkpoint/model_config.h"

namespace dsa {

/// Fills mla, moe, indexer (for architectures that have one), biases and the MTP count.  `out` has its
/// architecture and plain sizes.
void read_mla_moe(ConfigReader& config, ModelConfig& out);

}  // namespace dsa
