// Opening a model: a Hugging Face folder or a .gguf file.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "checkpoint/model_config.h"
#include "checkpoint/tensor_source.h"

namespace dsa {

class GgufFile;

/// A model's files, opened and checked, nothing read that is not needed.
struct ModelFiles {
  enum class Format : std::uint8_t { huggingface, gguf };
  std::filesystem::path path;  // the folder or the .gguf file
  Format format = Format::huggingface;
  ModelConfig config;
  std::unique_ptr<TensorSource> tensors;
  /// GGUF only: metadata for the tokenizer and chat template.  Owned by `tensors`.
  const GgufFile* gguf = nullptr;
};

/// Throws Error on anything that is missing, malformed or not supported.
ModelFiles open_model(const std::filesystem::path& path);

}  // namespace dsa
