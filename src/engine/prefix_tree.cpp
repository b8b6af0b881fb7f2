#include "engine/prefix_tree.h"

#include <algorithm>

#include "base/error.h"
#include "base/numeric.h"
#include "kernels/types.h"

namespace dsa {
namespace {

std::int64_t common(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  return std::ranges::mismatch(a, b).in1 - a.begin();
}

}  // namespace

bool PrefixTree::Older::operator()(const Node* a, const Node* b) const { return a->used_ < b->used_; }

PrefixTree::~PrefixTree() = default;

PrefixTree::Node* PrefixTree::root(const PageKey& key) {
  auto& root = roots_[key];
  if (!root) {
    root = std::make_unique<Node>();
    root->key_ = key;
  }
  return root.get();
}

PrefixTree::Node* PrefixTree::find(Node* parent, const PageKey& key, std::span<const std::int32_t> tokens) {
  const auto found = parent->children_.find(key);
  if (found == parent->children_.end()) return nullptr;
  Node* node = found->second.get();
  if (!std::ranges::equal(node->tokens_, tokens)) return nullptr;
  touch(node);
  return node;
}

std::optional<PrefixTree::Part> PrefixTree::find_part(Node* parent, std::span<const std::int32_t> tokens,
                                                      const SelectionRule& rule,
                                                      std::int64_t first_position) {
  Part best;
  Node* from = nullptr;
  for (const auto& [key, child] : parent->children_) {
    std::int64_t same = common(child->tokens_, tokens);
    for (std::int64_t t = 0; t < same; ++t)
      if (!alike(child->rule_, rule, first_position + t + 1)) same = t;
    if (same <= best.tokens) continue;
    best = {.page = child->page_, .tokens = same};
    from = child.get();
  }
  if (from == nullptr) return std::nullopt;
  touch(from);
  return best;
}

bool PrefixTree::goes_on_differently(const Node* parent, std::span<const std::int32_t> tokens) {
  return std::ranges::any_of(parent->children_, [&](const auto& child) {
    const std::vector<std::int32_t>& kept = child.second->tokens_;
    return common(kept, tokens) < std::min(std::ssize(kept), std::ssize(tokens));
  });
}

PrefixTree::Node* PrefixTree::insert(Node* parent, const PageKey& key, std::span<const std::int32_t> tokens,
                                     const SelectionRule& rule, std::int32_t page) {
  if (Node* known = find(parent, key, tokens)) return known;
  const std::int64_t first = (parent->index_ + 1) * kPageTokens;
  // Of two pages that begin alike the longer one is enough.
  for (auto it = parent->children_.begin(); it != parent->children_.end();) {
    Node* other = (it++)->second.get();
    const std::int64_t count = std::min(std::ssize(other->tokens_), std::ssize(tokens));
    bool same = common(other->tokens_, tokens) == count;
    for (std::int64_t t = 0; same && t < count; ++t) same = alike(other->rule_, rule, first + t + 1);
    if (!same) continue;
    if (std::ssize(tokens) <= count) return other;
    if (other->page_ == page || (other->children_.empty() && pool_.holders(other->page_) == 1)) remove(other);
  }
  auto made = std::make_unique<Node>();
  Node* node = made.get();
  node->key_ = key;
  node->parent_ = parent;
  node->tokens_.assign(tokens.begin(), tokens.end());
  node->rule_ = rule;
  node->page_ = page;
  node->index_ = parent->index_ + 1;
  if (parent->page_ >= 0 && parent->children_.empty()) leaves_.erase(parent);
  DSA_CHECK(parent->children_.emplace(key, std::move(made)).second);
  pool_.share({&page, 1});
  ++size_;
  node->used_ = ++clock_;
  leaves_.insert(node);
  if (std::ssize(tokens) == kPageTokens) node->unsaved_ = unsaved_.insert(unsaved_.end(), node);
  return node;
}

bool PrefixTree::evict() {
  const auto free =
      std::ranges::find_if(leaves_, [&](const Node* n) { return pool_.holders(n->page_) == 1; });
  if (free == leaves_.end()) return false;
  if ((*free)->unsaved_ && on_lost) on_lost(**free);
  remove(*free);
  return true;
}

void PrefixTree::mark_saved(Node* node) {
  if (!node->unsaved_) return;
  unsaved_.erase(*node->unsaved_);
  node->unsaved_.reset();
}

// The way to a page is used with it: no page of it may look older than those below.
void PrefixTree::touch(Node* node) {
  const bool leaf = node->children_.empty();
  if (leaf) leaves_.erase(node);
  node->used_ = ++clock_;
  if (leaf) leaves_.insert(node);
}

void PrefixTree::remove(Node* node) {
  DSA_CHECK(node->children_.empty());
  leaves_.erase(node);
  if (node->unsaved_) unsaved_.erase(*node->unsaved_);
  pool_.release({&node->page_, 1});
  --size_;
  Node* parent = node->parent_;
  parent->children_.erase(PageKey(node->key_));
  if (parent->page_ >= 0 && parent->children_.empty()) leaves_.insert(parent);
}

}  // namespace dsa
