#include "train/pretrain/stages.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"

namespace dsa::train {
namespace {

constexpr std::array<std::string_view, 3> kNames{"dense", "warmup", "sparse"};

RecipeStage parse_stage(std::string_view text) {
  const auto colon = text.find(':');
  const auto* kind = std::ranges::find(kNames, text.substr(0, colon));
  const auto share = colon == std::string_view::npos ? std::string_view("1") : text.substr(colon + 1);
  RecipeStage stage{.kind = static_cast<StageKind>(kind - kNames.begin()), .share = 0};
  const auto read = std::from_chars(share.data(), share.data() + share.size(), stage.share);
  if (kind == kNames.end() || read.ec != std::errc{} || read.ptr != share.data() + share.size() ||
      !(stage.share > 0 && stage.share < 1e6))
    fail("--stages: \"{}\" is not STAGE:SHARE, as in dense:0.75,warmup:0.08,sparse:0.17", printable(text));
  return stage;
}

}  // namespace

std::string_view name(StageKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

Recipe Recipe::parse(std::string_view text) {
  Recipe out;
  double sum = 0;
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    out.stages_.push_back(parse_stage(text.substr(at, comma - at)));
    sum += out.stages_.back().share;
    at = comma + 1;
  }
  for (std::size_t i = 0; i < out.stages_.size(); ++i)
    if (out.stages_[i].kind != static_cast<StageKind>(i))
      fail("--stages {}: expected dense, then warmup, then sparse, each once, from the first on",
           printable(text));
  for (RecipeStage& stage : out.stages_) stage.share /= sum;
  return out;
}

bool Recipe::has(StageKind kind) const {
  return std::ranges::find(stages_, kind, &RecipeStage::kind) != stages_.end();
}

Recipe::Place Recipe::at(std::int64_t tokens, std::int64_t budget) const {
  if (budget <= 0) return {};
  const double progress = static_cast<double>(tokens) / static_cast<double>(budget);
  double begin = 0;
  for (std::size_t i = 0;; ++i) {
    const double share = stages_[i].share;
    if (progress < begin + share || i + 1 == stages_.size())
      return {.stage = i, .done = std::clamp((progress - begin) / share, 0.0, 1.0)};
    begin += share;
  }
}

}  // namespace dsa::train
