#include "cli/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace dsa::cli {
namespace {

// Typed as they are called, with hyphens.
constexpr std::string_view kSettings[] = {
    "attention",  "balance",    "batch",        "bench",          "chat_format",   "chunk",    "clip",
    "compute",    "curriculum", "dim",          "distill",        "force_indexer", "hardware", "heads",
    "index_keys", "indexer",    "indexer_lr",   "lengths",        "lora",          "lr",       "memory",
    "mtp",        "out",        "print_config", "random_indexer", "raw",           "rise",     "rows",
    "sequences",  "sparse_lr",  "stages",       "state",          "step",          "target",   "threads",
    "updates",    "warmup_lr",  "weight_decay"};

std::string flag(std::string_view setting) {
  if (setting == "context") return "--ctx";
  if (setting == "index_topk") return "--top-k";
  if (setting == "index_topk_layers") return "--top-k-layers";
  if (std::ranges::find(kSettings, setting) == std::end(kSettings)) return {};
  std::string out = fmt::format("--{}", setting);
  std::ranges::replace(out, '_', '-');
  return out;
}

}  // namespace

std::string as_typed(std::string_view sentence) {
  std::string out;
  for (auto tick = sentence.find('`'); tick != std::string_view::npos; tick = sentence.find('`')) {
    const auto end = sentence.find('`', tick + 1);
    if (end == std::string_view::npos) break;
    const std::string typed = flag(sentence.substr(tick + 1, end - tick - 1));
    // What is no setting stays, and its last tick may be another's first.
    out += sentence.substr(0, typed.empty() ? end : tick);
    out += typed;
    sentence.remove_prefix(typed.empty() ? end : end + 1);
  }
  return out.append(sentence);
}

}  // namespace dsa::cli
