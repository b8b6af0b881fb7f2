#include "train/pretrain/stages.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "train/loop/share_list.h"

namespace dsa::train {
namespace {

constexpr std::array<std::string_view, 3> kNames{"dense", "warmup", "sparse"};

}  // namespace

std::string_view name(StageKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

Recipe Recipe::parse(std::string_view text) {
  Recipe out;
  std::vector<std::string_view> names;
  out.shares_ = parse_shares(
      text, {.setting = "stages", .form = "STAGE:SHARE, as in dense:0.75,warmup:0.08,sparse:0.17"},
      [&](std::string_view name) {
        names.push_back(name);
        return std::ranges::find(kNames, name) != kNames.end();
      });
  if (names.size() > kNames.size() || !std::equal(names.begin(), names.end(), kNames.begin()))
    fail("`stages` {}: expected dense, then warmup, then sparse, each once, from the first on",
         printable(text));
  return out;
}

}  // namespace dsa::train
