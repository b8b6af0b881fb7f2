#include "train/pretrain/settings.h"

#include "train/loop/products.h"
#include "train/loop/setting_checks.h"
#include "train/pretrain/stages.h"

namespace dsa::train {

void validate(const PretrainSettings& s) {
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  constexpr std::int64_t kMostContext = 8192;  // blocks of scores by all earlier positions are held
  static_cast<void>(Recipe::parse(s.stages));
  check_range("context", s.context, 4, kMostContext);
  check_range("batch", s.batch, 1, 4096);
  check_range("rise", s.rise, 1, kMost);
  check_rate("lr", s.lr);
  check_rate("sparse_lr", s.sparse_lr);
  check_rate("warmup_lr", s.warmup_lr);
  check_rate("indexer_lr", s.indexer_lr);
  check_clip("clip", s.clip);
  check_share("weight_decay", s.weight_decay);
  check_share("mtp", s.mtp);
  check_share("balance", s.balance);
  static_cast<void>(parse_products(s.compute));
}

}  // namespace dsa::train
