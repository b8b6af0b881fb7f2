// A model in a GGUF file.
#pragma once

#include <filesystem>

#include "checkpoint/open_model.h"

namespace dsa {

/// Llama, Qwen2 and Qwen3; throws Error on anything else and on anything damaged.
ModelFiles open_gguf_model(const std::filesystem::path& path);

}  // namespace dsa
