#include "train/loop/schedule.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kShortest = 2048;
constexpr double kFullLengthShare = 0.75;  // of the tokens: an indexer works at the lengths it was trained at
constexpr std::int64_t kMaxContext = std::int64_t{1} << 24;
constexpr double kLowestShare = 1e-3;  // of the peak learning rate

Stage parse_stage(std::string_view text) {
  const auto colon = text.find(':');
  Stage stage{.context = 0, .share = 1};
  const auto context = text.substr(0, colon);
  const auto share = colon == std::string_view::npos ? std::string_view("1") : text.substr(colon + 1);
  const auto a = std::from_chars(context.data(), context.data() + context.size(), stage.context);
  const auto b = std::from_chars(share.data(), share.data() + share.size(), stage.share);
  if (a.ec != std::errc{} || a.ptr != context.data() + context.size() || b.ec != std::errc{} ||
      b.ptr != share.data() + share.size() || !(stage.context >= 2 && stage.context <= kMaxContext) ||
      !(stage.share > 0 && stage.share < 1e6))
    fail("--curriculum: \"{}\" is not TOKENS:SHARE, as in 2048:0.3,8192:0.7", printable(text));
  return stage;
}

}  // namespace

Curriculum Curriculum::parse(std::string_view text) {
  Curriculum out;
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    out.stages_.push_back(parse_stage(text.substr(at, comma - at)));
    at = comma + 1;
  }
  double sum = 0;
  for (std::size_t i = 0; i < out.stages_.size(); ++i) {
    sum += out.stages_[i].share;
    if (i > 0 && out.stages_[i].context <= out.stages_[i - 1].context)
      fail("--curriculum: {} tokens follow {}: expected longer contexts later", out.stages_[i].context,
           out.stages_[i - 1].context);
  }
  for (Stage& stage : out.stages_) stage.share /= sum;
  return out;
}

Curriculum Curriculum::up_to(std::int64_t context) {
  Curriculum out;
  for (std::int64_t length = kShortest; length < context; length *= 2)
    out.stages_.push_back({.context = length, .share = 0});
  for (Stage& stage : out.stages_)
    stage.share = (1 - kFullLengthShare) / static_cast<double>(out.stages_.size());
  out.stages_.push_back({.context = context, .share = out.stages_.empty() ? 1.0 : kFullLengthShare});
  return out;
}

std::int64_t Curriculum::longest() const { return stages_.back().context; }

std::string Curriculum::text() const {
  std::string out;
  for (const Stage& stage : stages_)
    out += fmt::format("{}{}:{:.4g}", out.empty() ? "" : ",", stage.context, stage.share);
  return out;
}

std::size_t Curriculum::stage_at(std::int64_t tokens, std::int64_t budget) const {
  if (budget <= 0) return 0;
  const double progress = static_cast<double>(tokens) / static_cast<double>(budget);
  double end = 0;
  for (std::size_t i = 0; i + 1 < stages_.size(); ++i) {
    end += stages_[i].share;
    if (progress < end) return i;
  }
  return stages_.size() - 1;
}

double rate_at(const Course& course, std::int64_t step, double progress) {
  const double rise = std::min(1.0, static_cast<double>(step + 1) / static_cast<double>(course.rise));
  const double fall = 0.5 + 0.5 * std::cos(std::numbers::pi * std::clamp(progress, 0.0, 1.0));
  return course.peak * rise * (course.last + (1 - course.last) * fall);
}

double learning_rate(double peak, std::int64_t step, double progress) {
  return rate_at({.peak = peak, .rise = kRisingSteps, .last = kLowestShare}, step, progress);
}

}  // namespace dsa::train
