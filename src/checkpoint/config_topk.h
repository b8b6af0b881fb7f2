// `index_topk` as it is written: a number, or a list of one for each layer.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "checkpoint/config_reader.h"
#include "checkpoint/model_config.h"

namespace dsa {

/// A list of equal numbers is that number.  `what`: what the list is called in messages.  Throws Error unless
/// there is one for each of `layers` layers, each possible, and where `full` says that a layer shares
/// another's selection the same one as there.
void set_index_topk(IndexerConfig& indexer, const std::vector<std::int64_t>& list, std::int64_t layers,
                    std::string_view what);

/// Of a configuration.  Throws Error.
void read_index_topk(ConfigReader& config, std::int64_t layers, IndexerConfig& indexer);

}  // namespace dsa
