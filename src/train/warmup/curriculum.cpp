#include "train/warmup/curriculum.h"

#include <charconv>

#include "base/error.h"
#include "train/loop/share_list.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kShortest = 2048;
constexpr double kFullLengthShare = 0.75;  // of the tokens: an indexer works at the lengths it was trained at
constexpr std::int64_t kMaxContext = std::int64_t{1} << 24;

}  // namespace

Curriculum Curriculum::parse(std::string_view text) {
  Curriculum out;
  out.shares_ = parse_shares(text, {.setting = "curriculum", .form = "TOKENS:SHARE, as in 2048:0.3,8192:0.7"},
                             [&](std::string_view name) {
                               std::int64_t context = 0;
                               const auto read =
                                   std::from_chars(name.data(), name.data() + name.size(), context);
                               out.contexts_.push_back(context);
                               return read.ec == std::errc{} && read.ptr == name.data() + name.size() &&
                                      context >= 2 && context <= kMaxContext;
                             });
  for (std::size_t i = 1; i < out.contexts_.size(); ++i)
    if (out.contexts_[i] <= out.contexts_[i - 1])
      fail("`curriculum`: {} tokens follow {}: expected longer contexts later", out.contexts_[i],
           out.contexts_[i - 1]);
  return out;
}

Curriculum Curriculum::up_to(std::int64_t context) {
  Curriculum out;
  for (std::int64_t length = kShortest; length < context; length *= 2) out.contexts_.push_back(length);
  const std::size_t shorter = out.contexts_.size();
  out.shares_.assign(shorter, (1 - kFullLengthShare) / static_cast<double>(shorter));
  out.contexts_.push_back(context);
  out.shares_.push_back(shorter == 0 ? 1.0 : kFullLengthShare);
  return out;
}

std::string Curriculum::text() const {
  std::string out;
  for (std::size_t i = 0; i < contexts_.size(); ++i)
    out += fmt::format("{}{}:{:.4g}", i == 0 ? "" : ",", contexts_[i], shares_[i]);
  return out;
}

}  // namespace dsa::train
