#include "engine/paged_cache.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/numeric.h"
#include "engine/prefix_key.h"
#include "kernels/types.h"

namespace dsa {
namespace {

// The first position behind the whole pages.
std::int64_t page_begin(const Footprint& own) { return (own.node->index() + 1) * kPageTokens; }

}  // namespace

PagedCache::PagedCache(Runner& runner, PageStore* store)
    : runner_(runner), store_(store), pool_(runner.limits().pages), tree_(pool_) {
  if (store_ == nullptr) return;
  bytes_.resize(runner.page_bytes());
  tree_.on_lost = [this](const PrefixTree::Node& node) { static_cast<void>(offer(node)); };
}

Footprint PagedCache::begin(const PageKey& root, const SelectionRule& rule) {
  return {.rule = rule, .node = tree_.root(root)};
}

PagedCache::Found PagedCache::find(Footprint& own, std::span<const std::int32_t> tokens,
                                   std::int64_t& disk_pages) {
  while (true) {
    const std::int64_t begin = page_begin(own);
    const auto rest = tokens.subspan(usize(begin), tokens.size() - usize(begin) - 1);
    if (std::ssize(rest) >= kPageTokens) {
      const auto page = rest.first(kPageTokens);
      const PageKey key = page_key(own.node->key(), page, own.rule, begin);
      if (from_memory(own, key, page)) continue;
      if (own.computed == begin && store_ != nullptr && store_->contains(key)) {
        if (disk_pages == 0) return Found::more;
        --disk_pages;
        if (from_store(own, key, page)) continue;
      }
    }
    if (!rest.empty()) part_of_page(own, rest);
    if (!own.looked && PrefixTree::goes_on_differently(own.node, rest)) own.differs = own.computed;
    own.looked = true;
    return Found::all;
  }
}

bool PagedCache::from_memory(Footprint& own, const PageKey& key, std::span<const std::int32_t> page) {
  PrefixTree::Node* node = tree_.find(own.node, key, page);
  if (node == nullptr) return false;
  const std::int64_t begin = page_begin(own);
  const std::int32_t found = node->page();
  pool_.share({&found, 1});
  const auto reserved = std::span(own.pages).subspan(usize(begin / kPageTokens));
  pool_.release(reserved);  // not needed now
  own.pages.resize(own.pages.size() - reserved.size());
  own.pages.push_back(found);
  own.node = node;
  own.ram_tokens += begin + kPageTokens - own.computed;
  own.computed = begin + kPageTokens;
  return true;
}

bool PagedCache::from_store(Footprint& own, const PageKey& key, std::span<const std::int32_t> page) {
  if (!reserve(own, own.computed + kPageTokens)) return false;
  if (!store_->get({.key = key, .before = own.node->key(), .index = own.node->index() + 1, .tokens = page},
                   bytes_))
    return false;
  runner_.load_page(own.pages[usize(own.computed / kPageTokens)], bytes_);
  insert(own, key, page);
  tree_.mark_saved(own.node);
  own.computed += kPageTokens;
  own.disk_tokens += kPageTokens;
  return true;
}

void PagedCache::part_of_page(Footprint& own, std::span<const std::int32_t> rest) {
  const std::int64_t begin = page_begin(own);
  const auto part = tree_.find_part(own.node, rest, own.rule, begin);
  if (!part || begin + part->tokens <= own.computed) return;
  pool_.share({&part->page, 1});  // it shall not be what makes room for its copy
  const bool room = reserve(own, begin + part->tokens);
  if (room) {
    runner_.copy_page(part->page, own.pages[usize(begin / kPageTokens)]);
    own.ram_tokens += begin + part->tokens - own.computed;
    own.computed = begin + part->tokens;
  }
  pool_.release({&part->page, 1});
}

std::uint64_t PagedCache::next_work(const Footprint& own, std::span<const std::int32_t> tokens) const {
  const std::int64_t begin = page_begin(own);
  const std::int64_t count = std::min(std::ssize(tokens) - 1 - begin, kPageTokens);
  if (own.computed >= begin + count) return 0;
  const PageKey key = page_key(own.node->key(), tokens.subspan(usize(begin), usize(count)), own.rule, begin);
  std::uint64_t number = 0;
  std::memcpy(&number, key.data(), sizeof number);
  return std::max<std::uint64_t>(number, 1);
}

std::optional<std::int32_t> PagedCache::take_page() {
  while (true) {
    if (const auto page = pool_.allocate()) return page;
    if (!tree_.evict()) return std::nullopt;
  }
}

bool PagedCache::reserve(Footprint& own, std::int64_t tokens) {
  while (std::ssize(own.pages) * kPageTokens < tokens) {
    const auto page = take_page();
    if (!page) return false;
    own.pages.push_back(*page);
  }
  return true;
}

// The page that the tree has for these tokens takes the place of the sequence's own.
void PagedCache::insert(Footprint& own, const PageKey& key, std::span<const std::int32_t> page) {
  const std::int64_t index = own.node->index() + 1;
  std::int32_t& mine = own.pages[usize(index)];
  PrefixTree::Node* node = tree_.insert(own.node, key, page, own.rule, mine);
  if (node->page() != mine) {
    const std::int32_t theirs = node->page();
    pool_.share({&theirs, 1});
    pool_.release({&mine, 1});
    mine = theirs;
  }
  own.node = node;
}

void PagedCache::computed(Footprint& own, std::span<const std::int32_t> tokens, std::int64_t count) {
  own.computed += count;
  while (page_begin(own) + kPageTokens <= own.computed) {
    const std::int64_t first = page_begin(own);
    const auto page = tokens.subspan(usize(first), kPageTokens);
    insert(own, page_key(own.node->key(), page, own.rule, first), page);
  }
}

void PagedCache::share(const Footprint& own, std::span<const std::int32_t> tokens) {
  const std::int64_t begin = page_begin(own);
  if (own.computed <= begin) return;
  const auto part = tokens.subspan(usize(begin), usize(own.computed - begin));
  tree_.insert(own.node, page_key(own.node->key(), part, own.rule, begin), part, own.rule,
               own.pages[usize(begin / kPageTokens)]);
}

void PagedCache::release(Footprint& own, std::span<const std::int32_t> tokens) {
  share(own, tokens);
  pool_.release(own.pages);
  own.pages.clear();
  own.computed = 0;
}

bool PagedCache::offer(const PrefixTree::Node& node) {
  runner_.save_page(node.page(), bytes_);
  return store_->offer(
      {.key = node.key(), .before = node.key_before(), .index = node.index(), .tokens = node.tokens()},
      bytes_);
}

bool PagedCache::save_one() {
  PrefixTree::Node* node = store_ != nullptr ? tree_.unsaved() : nullptr;
  if (node == nullptr || !offer(*node)) return false;
  tree_.mark_saved(node);
  return true;
}

}  // namespace dsa
