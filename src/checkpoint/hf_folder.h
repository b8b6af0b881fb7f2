// The weights of a Hugging Face folder: model.safetensors, or shards named by model.safetensors.index.json.
#pragma once

#include <filesystem>
#include <memory>

#include "checkpoint/safetensors.h"
#include "checkpoint/tensor_source.h"

namespace dsa {

/// Maps every file and checks all headers, and the index against them; reads no value.  Throws Error.
std::unique_ptr<TensorSource> open_hf_tensors(const std::filesystem::path& folder);

/// One safetensors file by itself.
std::unique_ptr<TensorSource> tensors_of(std::unique_ptr<SafetensorsFile> file);
std::unique_ptr<TensorSource> open_safetensors(const std::filesystem::path& file);

}  // namespace dsa
