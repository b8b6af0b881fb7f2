#include "train/warmup/settings.h"

#include "train/loop/products.h"
#include "train/loop/setting_checks.h"
#include "train/warmup/curriculum.h"
#include "train/warmup/objective.h"

namespace dsa::train {

void validate(const WarmupSettings& s) {
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  check_range("heads", s.heads, 1, 1024);
  check_range("dim", s.dim, 2, 1024);
  check_range("index_topk", s.topk, 1, kMost);
  check_range("rows", s.rows, 1, kMost);
  check_range("updates", s.updates, 1, kMost);
  check_rate("lr", s.lr);
  check_clip("clip", s.clip);
  static_cast<void>(parse_target(s.target));
  static_cast<void>(parse_products(s.compute));
  static_cast<void>(Curriculum::parse(s.curriculum));
}

}  // namespace dsa::train
