// Which model is this, whatever its file format and quantisation: an indexer
// folder names the model it was trained for.
#pragma once

#include <string>

#include "checkpoint/model_config.h"
#include "checkpoint/tensor_source.h"

namespace dsa {

/// SHA-256, as 64 lower-case hex digits, over the norm weights as little-endian float32: per layer
/// input_layernorm, q_norm, k_norm, q_a_layernorm, kv_a_layernorm, post_attention_layernorm (those it has),
/// then model.norm.  Throws Error if a layer has no input_layernorm or a norm is not stored as plain floats.
std::string fingerprint(const TensorSource& tensors, const ModelConfig& config);

/// SHA-256, as 64 lower-case hex digits, over every tensor's name, type, shape, and first, middle and last
/// kibibyte: tells apart what fingerprint() takes for one model, its quantisations and its fine-tuned
/// weights, without reading hundreds of gigabytes.  Two sources that differ nowhere but between those pieces
/// are not told apart.
std::string weights_digest(const TensorSource& tensors);

}  // namespace dsa
