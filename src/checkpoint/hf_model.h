// A model in a Hugging Face folder.
#pragma once

#include "checkpoint/open_model.h"

namespace dsa {

/// config.json, the tensors, and the indexer of a model that has one of its own (indexer_folder.h), each
/// checked by itself and against each other as far as that needs no list of all names (the model loader has
/// that list).  Throws Error.
ModelFiles open_hf_model(const std::filesystem::path& folder);

}  // namespace dsa
