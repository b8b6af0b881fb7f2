// The cache as sequences see it: pages found, reserved, filled, kept for later and saved.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/page_pool.h"
#include "engine/page_store.h"
#include "engine/prefix_tree.h"
#include "engine/runner.h"

namespace dsa {

/// What one sequence has in the cache: `computed` tokens from its first on, in `pages`.
struct Footprint {
  SelectionRule rule = {};
  PrefixTree::Node* node = nullptr;  // its last whole page; the root if it has none
  std::vector<std::int32_t> pages = {};
  std::int64_t computed = 0;
  std::int64_t ram_tokens = 0, disk_tokens = 0;  // of those, found there
  bool looked = false;                           // find() has come to its end once
  /// Where it then parted from what is kept in memory; nothing: that ended there, or the sequence did.
  std::optional<std::int64_t> differs = std::nullopt;
};

/// Pages of a runner's cache.  Whole ones are shared: whoever needs the same finds them in memory, or in the
/// store if there is one.  A sequence that differs from a kept one in mid-page goes on from a copy, and be it
/// of the page that another one is writing.  One caller at a time.
class PagedCache {
 public:
  /// Both must outlive it; `store` may be null.
  PagedCache(Runner& runner, PageStore* store);

  [[nodiscard]] Footprint begin(const PageKey& root, const SelectionRule& rule);

  enum class Found : std::uint8_t { all, more };
  /// Adds what is there of `tokens`, the sequence's, but for the last of them, whose logits somebody wants.
  /// Reads at most `disk_pages` pages from the store, and lessens it by those; `more`: there are others.
  Found find(Footprint& own, std::span<const std::int32_t> tokens, std::int64_t& disk_pages);
  /// What the sequence would compute next, as a number that is the same for those that would compute the same
  /// page; 0: nothing that another one could share.
  [[nodiscard]] std::uint64_t next_work(const Footprint& own, std::span<const std::int32_t> tokens) const;

  /// Pages for the positions below `tokens`.  False if there are not so many; those that it got stay.
  bool reserve(Footprint& own, std::int64_t tokens);
  /// `count` tokens more of the sequence are computed.
  void computed(Footprint& own, std::span<const std::int32_t> tokens, std::int64_t count);
  /// What is computed of the last page is there for others too, though the sequence writes on behind it.
  void share(const Footprint& own, std::span<const std::int32_t> tokens);
  /// The sequence goes; what it computed stays, for as long as nobody needs the room.
  void release(Footprint& own, std::span<const std::int32_t> tokens);

  /// Offers the store one page that it was not offered yet.  False if there is none or it has no room.
  bool save_one();

  /// Pages that a sequence can have: free ones, and those kept for nobody.
  [[nodiscard]] std::int64_t available() const { return pool_.available() + tree_.evictable(); }
  [[nodiscard]] const PagePool& pool() const { return pool_; }
  [[nodiscard]] const PrefixTree& tree() const { return tree_; }

 private:
  std::optional<std::int32_t> take_page();
  bool from_memory(Footprint& own, const PageKey& key, std::span<const std::int32_t> page);
  bool from_store(Footprint& own, const PageKey& key, std::span<const std::int32_t> page);
  void part_of_page(Footprint& own, std::span<const std::int32_t> rest);
  void insert(Footprint& own, const PageKey& key, std::span<const std::int32_t> page);
  bool offer(const PrefixTree::Node& node);

  Runner& runner_;
  PageStore* store_;
  PagePool pool_;
  PrefixTree tree_;
  std::vector<std::byte> bytes_;  // of a page, on its way to or from the store
};

}  // namespace dsa
