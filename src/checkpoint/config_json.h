// config.json of a Hugging Face folder -> ModelConfig.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "checkpoint/model_config.h"

namespace dsa {

struct HfConfig {
  ModelConfig config;
  /// Why weights quantised as quantization_config says cannot be read; empty: they can, or are not quantised.
  /// Re-exports often leave a stale quantization_config behind, so this matters only if
  /// the tensors agree with it.
  std::string quantization_problem;
};

/// Reads `text`, the contents of the file named `who`.  Throws Error on anything malformed, out of range or
/// not supported; a key never heard of is one warning.
HfConfig parse_hf_config(std::string_view text, std::string_view who);

/// Takes the end-of-answer tokens of a generation_config.json, where it names any.
void apply_generation_config(std::string_view text, std::string_view who, ModelConfig& config);

/// config.json and, if there is one, generation_config.json of the folder.
HfConfig read_hf_config(const std::filesystem::path& folder);

/// As a config.json names it: "LlamaForCausalLM".
std::string_view architecture_name(Architecture architecture);

/// The architectures that a config.json may name, for messages.
std::string supported_architectures();

}  // namespace dsa
