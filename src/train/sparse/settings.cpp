#include "train/sparse/settings.h"

#include "base/error.h"
#include "train/loop/products.h"
#include "train/loop/setting_checks.h"

namespace dsa::train {

void validate(const SparseSettings& s) {
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  check_range("index_topk", s.topk, 1, kMost);
  check_range("context", s.context, 2, kMost);
  if (s.context <= s.topk)
    fail("`context` {}: a selection of {} tokens would be all of them; give more, or a smaller `index_topk`",
         s.context, s.topk);
  check_rate("lr", s.lr);
  check_rate("indexer_lr", s.indexer_lr);
  check_clip("clip", s.clip);
  check_share("distill", s.distill);
  check_range("lora", s.lora, 0, 4096);
  static_cast<void>(parse_products(s.compute));
}

}  // namespace dsa::train
