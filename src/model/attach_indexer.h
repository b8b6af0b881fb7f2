// Which indexer a model is run with.
#pragma once

#include <optional>

#include "checkpoint/indexer_folder.h"
#include "model/options.h"

namespace dsa {

/// For a model without an indexer inside, in this order: options.indexer's folder; MODEL/indexer, if MODEL is
/// a folder; the first, by name, of the folders in options.indexer_folders that was trained for this very
/// model. It is put into files.config.  Nullopt if the model has its own, if there is none, or if
/// options.use_indexer is false.  Throws Error if one that was asked for, or the model folder's, cannot be
/// read or does not fit; a broken one in options.indexer_folders is named in a warning and passed over.
std::optional<IndexerFolder> attach_indexer(ModelFiles& files, const ModelOptions& options);

}  // namespace dsa
