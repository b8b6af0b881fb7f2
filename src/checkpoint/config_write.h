// A config.json for a model that came from elsewhere, so that its weights can lie in a Hugging Face folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "checkpoint/open_model.h"

namespace dsa {

/// Why no config.json can say what this model is; nothing if one can.
std::optional<std::string> config_json_problem(const ModelFiles& files);

/// config.json of a folder that will hold the same model in BF16: the original's own with its types changed,
/// or, for a grouped-query GGUF, one written from its ModelConfig.  Throws Error if the original cannot be
/// read or config_json_problem() names one.
std::string bf16_config_json(const ModelFiles& files);

}  // namespace dsa
