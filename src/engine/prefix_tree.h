// Pages that answers have left behind, found again by the tokens they hold.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "engine/page_pool.h"
#include "engine/page_store.h"
#include "model/attention_plan.h"

namespace dsa {

/// A tree of pages of 64 tokens: the way from a root to a node spells the tokens that the node's page stands
/// behind.  A last page may have fewer.  The tree is one holder of each of its pages; one that nobody else
/// holds is evicted when its memory is needed, the longest unused first and never before those below it.
/// Knows no tensors and no threads.  One caller at a time.
class PrefixTree {
 public:
  class Node;

  /// `pool` must outlive it.
  explicit PrefixTree(PagePool& pool) : pool_(pool) {}
  PrefixTree(const PrefixTree&) = delete;
  PrefixTree& operator=(const PrefixTree&) = delete;
  ~PrefixTree();

  /// Where sequences begin that share what `key` stands for.
  Node* root(const PageKey& key);

  /// The page of the 64 `tokens` that follow upon `parent`, if it is there; its key is page_key() of them.
  Node* find(Node* parent, const PageKey& key, std::span<const std::int32_t> tokens);

  struct Part {
    std::int32_t page = 0;
    std::int64_t tokens = 0;  // of it, from its first on; 1 or more
  };
  /// Of the pages that follow upon `parent` the one that begins with the most of `tokens` as `rule` computes
  /// them; the first of them stands at `first_position`.
  std::optional<Part> find_part(Node* parent, std::span<const std::int32_t> tokens, const SelectionRule& rule,
                                std::int64_t first_position);

  /// Whether something is kept that goes on from `parent` with other tokens than these.
  [[nodiscard]] static bool goes_on_differently(const Node* parent, std::span<const std::int32_t> tokens);

  /// Keeps the page of the 1 to 64 `tokens` that follow upon `parent`, which the caller holds too, and
  /// returns its node; or the one that holds the same already. A page of fewer tokens is not kept beside one
  /// that begins with the same ones.
  Node* insert(Node* parent, const PageKey& key, std::span<const std::int32_t> tokens,
               const SelectionRule& rule, std::int32_t page);

  /// The page that is evicted first, gone from the tree and free; false if answers hold all of them.
  bool evict();

  /// Pages in the tree, and those of them that can be evicted.
  [[nodiscard]] std::int64_t size() const { return size_; }
  [[nodiscard]] std::int64_t evictable() const { return size_ - pool_.shared(); }

  /// A whole page that no store was offered yet, the oldest first; null if there is none.
  [[nodiscard]] Node* unsaved() const { return unsaved_.empty() ? nullptr : unsaved_.front(); }
  void mark_saved(Node* node);

  /// Told of every page that is evicted and was never saved; may be empty.
  std::function<void(const Node&)> on_lost;

 private:
  void touch(Node* node);
  void remove(Node* node);

  PagePool& pool_;
  std::map<PageKey, std::unique_ptr<Node>> roots_;
  // Nodes without children, by when they were used last.
  struct Older {
    bool operator()(const Node* a, const Node* b) const;
  };
  std::set<Node*, Older> leaves_;
  std::list<Node*> unsaved_;
  std::int64_t size_ = 0;
  std::int64_t clock_ = 0;
};

/// Of one page.  A root has no page and no tokens.
class PrefixTree::Node {
 public:
  [[nodiscard]] const PageKey& key() const { return key_; }
  /// Of the page before it, or the root; a root has none.
  [[nodiscard]] const PageKey& key_before() const { return parent_->key_; }
  [[nodiscard]] std::int32_t page() const { return page_; }
  [[nodiscard]] const std::vector<std::int32_t>& tokens() const { return tokens_; }
  /// Of the page in its sequence.
  [[nodiscard]] std::int64_t index() const { return index_; }

 private:
  friend class PrefixTree;
  PageKey key_ = {};
  Node* parent_ = nullptr;
  std::map<PageKey, std::unique_ptr<Node>> children_;
  std::vector<std::int32_t> tokens_;
  SelectionRule rule_;
  std::int32_t page_ = -1;
  std::int64_t index_ = -1;
  std::int64_t used_ = 0;
  std::optional<std::list<Node*>::iterator> unsaved_;
};

}  // namespace dsa
