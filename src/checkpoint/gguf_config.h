// GGUF metadata to ModelConfig.
#pragma once

#include "checkpoint/gguf.h"
#include "checkpoint/model_config.h"

namespace dsa {

/// Reads and validates; throws Error for models and settings dsa does not run from GGUF files.  What only the
/// tensors say is taken from them: vocabulary size, biases, tied embeddings, rope_freqs.weight.
ModelConfig read_gguf_config(const GgufFile& file);

}  // namespace dsa
