#include "rl/train/settings.h"

#include "base/error.h"
#include "rl/grpo/objective.h"
#include "rl/train/batch.h"
#include "train/loop/products.h"
#include "train/loop/setting_checks.h"
#include "train/loop/share_list.h"

namespace dsa::rl {
namespace {

using train::check_clip;
using train::check_range;
using train::check_rate;
using train::check_share;

constexpr std::int64_t kHighestRank = 1024;
constexpr std::int64_t kMost = std::int64_t{1} << 24;

void check_word(const char* setting, const std::string& word, std::initializer_list<std::string_view> words) {
  std::string list;
  for (const auto one : words) {
    if (one == word) return;
    list += (list.empty() ? "" : ", ") + std::string(one);
  }
  fail("{} {}: expected one of {}", setting, printable(word), list);
}

void check_tasks(const TaskSettings& s) {
  check_range("easiest", s.easiest, 0, kHardest);
  check_range("hardest", s.hardest, s.easiest, kHardest);
  check_range("stretch", s.stretch, 0, kLongestTask);
  check_share("stretched", s.stretched);
  check_word("style", s.style, {"steps", "brief", "both"});
  check_range("context", s.context, 8, 8192);
  check_word("attention", s.attention, {"sparse", "dense"});
  check_word("indexers", s.indexers, {"frozen", "train"});
  check_rate("indexer_lr", s.indexer_lr);
  check_range("lora", s.lora, 0, kHighestRank);
  static_cast<void>(train::parse_products(s.compute));
}

}  // namespace

void validate(const SftSettings& s) {
  check_tasks(s);
  check_range("batch", s.batch, 1, 4096);
  check_rate("lr", s.lr);
  check_range("rise", s.rise, 1, kMost);
  check_clip("clip", s.clip);
  check_share("mixed", s.mixed);
  check_word("learns", s.learns, {"solutions", "verdicts"});
}

void validate(const GrpoSettings& s) {
  check_tasks(s);
  check_range("tasks", s.tasks, 1, 4096);
  check_range("samples", s.samples, 2, 128);
  check_share("again", s.again);
  check_range("message_tokens", s.message_tokens, 1, 8192);
  if (!(s.top_p > 0 && s.top_p <= 1)) fail("top_p {}: expected above 0 and up to 1", s.top_p);
  check_range("updates", s.updates, 1, s.tasks);
  static_cast<void>(objective_named(s.objective));
  check_share("kl", s.kl);
  check_share("overlong", s.overlong);
  check_share("length", s.length);
  check_share("language", s.language);
  check_share("outcome", s.outcome);
  check_share("judge_weight", s.judge_weight);
  validate(reward_settings(s));
  if (!(s.off_policy >= 0)) fail("off_policy {}: expected 0 or more", s.off_policy);
  check_word("replay", s.replay, {"selections", "recompute"});
  check_rate("lr", s.lr);
  check_range("rise", s.rise, 1, kMost);
  check_clip("clip", s.clip);
  check_range("patience", s.patience, 1, kMost);
}

std::vector<DomainShare> parse_domains(const std::string& text) {
  std::vector<DomainShare> out;
  if (text == "all") {
    for (const Domain& domain : domains())
      out.push_back({.domain = &domain, .share = 1.0 / static_cast<double>(domains().size())});
    return out;
  }
  const auto shares = train::parse_shares(
      text, {.setting = "--domains", .form = "NAME@HARDEST:SHARE, as in counting@3:2,search:1"},
      [&](std::string_view name) {
        const auto at = name.find('@');
        DomainShare& one = out.emplace_back();
        one.domain = &find_domain(name.substr(0, at));
        if (at == std::string_view::npos) return true;
        const auto level = name.substr(at + 1);
        if (level.size() != 1 || level[0] < '0' || level[0] > '0' + kHardest) return false;
        one.hardest = level[0] - '0';
        return true;
      });
  for (std::size_t i = 0; i < out.size(); ++i) out[i].share = shares[i];
  return out;
}

std::string text_of(const DomainShare& domain) {
  return std::string(domain.domain->name) + (domain.hardest ? fmt::format("@{}", *domain.hardest) : "");
}

}  // namespace dsa::rl
