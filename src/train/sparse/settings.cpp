#include "train/sparse/settings.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "train/loop/products.h"
#include "train/loop/setting_checks.h"

namespace dsa::train {

std::vector<std::int64_t> parse_topk_layers(std::string_view text) {
  std::vector<std::int64_t> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto word = text.substr(at, text.find(',', at) - at);
    std::int64_t& tokens = out.emplace_back();
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), tokens);
    if (error != std::errc{} || end != word.data() + word.size())
      fail("`index_topk_layers`: \"{}\" is not a number, expected a list as in 512,256", printable(word, 40));
    at += word.size() + 1;
  }
  return out;
}

std::string topk_layers_text(std::span<const std::int64_t> list) {
  return fmt::format("{}", fmt::join(list, ","));
}

void validate(const SparseSettings& s) {
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  check_range("index_topk", s.topk, 1, kMost);
  check_range("context", s.context, 2, kMost);
  const auto layers = parse_topk_layers(s.topk_layers);
  for (const std::int64_t tokens : layers) check_range("index_topk_layers", tokens, 1, kMost);
  if (const std::int64_t least = layers.empty() ? s.topk : std::ranges::min(layers); s.context <= least)
    fail("`context` {}: a selection of {} tokens would be all of them; give more, or a smaller `index_topk`",
         s.context, least);
  check_rate("lr", s.lr);
  check_rate("indexer_lr", s.indexer_lr);
  check_clip("clip", s.clip);
  check_share("distill", s.distill);
  check_range("lora", s.lora, 0, 4096);
  static_cast<void>(parse_products(s.compute));
}

}  // namespace dsa::train
