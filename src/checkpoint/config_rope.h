// The rotary part of a config.json, in every spelling it has had.
#pragma once

#include "checkpoint/config_reader.h"
#include "checkpoint/model_config.h"

namespace dsa {

/// rope_parameters (transformers 5), or rope_theta and rope_scaling (before it), with "rope_type" or "type".
RopeConfig read_rope(ConfigReader& config, std::int64_t max_position_embeddings);

}  // namespace dsa
