#include "engine/ngram_index.h"

#include <algorithm>
#include <bit>

#include "base/numeric.h"

namespace dsa {
namespace {

constexpr std::int64_t kLeastSize = 256;

// Of the texts that end before the positions `a` and `b`: how many of their last tokens are the same.
std::int64_t alike(std::span<const std::int32_t> tokens, std::int64_t a, std::int64_t b) {
  const std::int64_t most = std::min({a, b, NgramIndex::kLongest});
  std::int64_t length = 0;
  while (length < most && tokens[usize(a - 1 - length)] == tokens[usize(b - 1 - length)]) ++length;
  return length;
}

}  // namespace

std::size_t NgramIndex::slot(std::span<const std::int32_t> gram) const {
  std::uint64_t hash = 0;
  for (const auto id : gram) hash = (hash ^ static_cast<std::uint32_t>(id)) * 0x9E3779B97F4A7C15;
  return (hash >> 32) & (latest_.size() - 1);
}

// Anew, so that a token is added about twice over all.
void NgramIndex::grow(std::int64_t size) {
  const auto room = std::bit_ceil(usize(std::clamp(2 * size, kLeastSize, kWindow)));
  latest_.assign(room, kNowhere);
  before_.assign(room, kNowhere);
  added_ = 0;
}

void NgramIndex::add(std::span<const std::int32_t> tokens, std::int64_t at) {
  std::int32_t& latest = latest_[slot(tokens.subspan(usize(at + 1 - kGram), usize(kGram)))];
  before_[usize(at) & (before_.size() - 1)] = latest;
  latest = static_cast<std::int32_t>(at);
}

NgramIndex::Match NgramIndex::find(std::span<const std::int32_t> tokens) {
  const std::int64_t size = std::ssize(tokens);
  if (size <= kGram) return {};
  if (std::ssize(before_) < std::min(size, kWindow)) grow(size);
  const std::int64_t room = std::ssize(before_);
  // The last gram comes in with the token after it.
  for (added_ = std::max({added_, kGram - 1, size - room}); added_ < size - 1; ++added_) add(tokens, added_);

  Match best;
  std::int64_t at = latest_[slot(tokens.last(usize(kGram)))];
  for (std::int64_t tries = 0; tries < kCandidates && at >= std::max<std::int64_t>(size - room, 0); ++tries) {
    const std::int64_t length = alike(tokens, at + 1, size);
    if (length >= kGram && length > best.length) best = {.next = at + 1, .length = length};
    const std::int64_t before = before_[usize(at) & usize(room - 1)];
    if (before >= at) break;  // a place that was written over
    at = before;
  }
  return best;
}

}  // namespace dsa
