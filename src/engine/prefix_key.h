// Names of cached pages: equal only where the bytes are.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "checkpoint/model_config.h"
#include "engine/page_store.h"
#include "kernels/types.h"
#include "model/attention_plan.h"

namespace dsa {

/// Raised when the same model, asked in the same way, caches other bytes than before: another layout of a
/// page, or a kernel that rounds differently.
inline constexpr std::uint32_t kPageVersion = 5;

/// All that the pages of one loaded model and tenant have in common.
struct CacheIdentity {
  std::string weights;  // weights_digest() of the model's tensors
  std::string indexer;  // and of its indexer's, if they are not among those; "": none is in use
  ModelConfig config;   // with the indexer's
  Compute compute = Compute::automatic;
  std::string kernels;  // KernelTable::name
  std::size_t page_bytes = 0;
  std::string tenant = {};  // who alone finds these pages
};

/// What stands before a sequence's first page.
PageKey root_key(const CacheIdentity& identity);

/// A full page: `before` is the key of the page before it, or the root, `first_position` that of tokens[0].
/// Rules by which these rows attend alike give the same key: a sparse sequence shares its pages with a dense
/// one up to top-k.  SHA-256 over `before`, the number of rows, and for each its token and how many tokens it
/// selects, 0 where it attends to everything; then, if some row selects and the layers differ, how many each
/// layer selects.
PageKey page_key(const PageKey& before, std::span<const std::int32_t> tokens, const SelectionRule& rule,
                 std::int64_t first_position);

/// 64 lower-case digits.
std::string hex(const PageKey& key);

}  // namespace dsa
