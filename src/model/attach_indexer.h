// Which indexer a model is run with.
#pragma once

#include <optional>

#include "checkpoint/indexer_folder.h"
#include "model/options.h"

namespace dsa {

/// options.indexer's folder; without one, for a model that has no indexer of its own: the first, by name, of
/// the folders in options.indexer_folders that was trained for this very model.  It is put into files.config.
/// Nullopt if the model keeps what it has, or if options.use_indexer is false.  Throws Error if
/// options.indexer cannot be read or does not fit; a broken one in options.indexer_folders is named in a
/// warning and passed over.
std::optional<IndexerFolder> attach_indexer(ModelFiles& files, const ModelOptions& options);

}  // namespace dsa
