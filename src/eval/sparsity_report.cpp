#include "eval/sparsity_report.h"

#include <fmt/format.h>

#include "eval/perplexity_report.h"

namespace dsa {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kAllSelectors{Selector::indexer, Selector::best, Selector::window, Selector::random};

bool has_perplexity(const Sparsity& s) { return !s.topks.empty() && s.topks.front().indexer.windows > 0; }

Json to_json(const SelectionSums& sums) {
  Json mass, recall;
  for (const auto selector : kAllSelectors) {
    const std::string name(kSelectorNames[static_cast<std::size_t>(selector)]);
    mass[name] = sums.mass(selector);
    recall[name] = sums.recall(selector);
  }
  return {{"rows", sums.rows},
          {"mass", std::move(mass)},
          {"mass_indexer_over_best", sums.mass_ratio()},
          {"recall_of_best", std::move(recall)},
          {"overlap_with_row_before", sums.mean_overlap()}};
}

Json with_bounds(const PositionBucket& bounds, const SelectionSums& sums) {
  Json out{{"from", bounds.from}, {"to", bounds.to}};
  out.update(to_json(sums));
  return out;
}

// How many times the best selection's cost the indexer's is; nothing where the best costs nothing.
std::optional<double> gap_ratio(const PerplexityGap& indexer, const PerplexityGap& best) {
  if (best.percent <= 0) return std::nullopt;
  return indexer.percent / best.percent;
}

Json perplexity_json(const SparsityOfTopk& t, const Perplexity& dense) {
  const auto indexer = perplexity_gap(t.indexer, dense, TextPart::second_half);
  const auto best = perplexity_gap(t.best, dense, TextPart::second_half);
  const auto ratio = gap_ratio(indexer, best);
  return {{"indexer", to_json(t.indexer)},
          {"best", to_json(t.best)},
          {"second_half_gap",
           {{"indexer", to_json(indexer)},
            {"best", to_json(best)},
            {"indexer_over_best", ratio ? Json(*ratio) : Json(nullptr)}}}};
}

Json to_json(const SparsityOfTopk& t, const Sparsity& all) {
  Json out{{"topk", t.topk}, {"all", to_json(t.all())}};
  const std::size_t worst = t.worst_layer();
  out["worst_layer"] = {{"layer", worst}, {"mass_indexer_over_best", t.layer(worst).mass_ratio()}};
  for (std::size_t b = 0; b < all.buckets.size(); ++b)
    out["by_position"].push_back(with_bounds(all.buckets[b], t.bucket(b)));
  for (std::size_t l = 0; l < t.layers.size(); ++l) {
    Json layer{{"layer", l}};
    layer.update(to_json(t.layer(l)));
    for (std::size_t b = 0; b < all.buckets.size(); ++b)
      layer["by_position"].push_back(with_bounds(all.buckets[b], t.layers[l][b]));
    out["by_layer"].push_back(std::move(layer));
  }
  if (has_perplexity(all)) out["perplexity"] = perplexity_json(t, all.dense);
  return out;
}

std::string selection_row(const SelectionSums& sums) {
  std::string out = fmt::format("  {:>7}", sums.rows);
  if (sums.rows == 0) return out + "\n";
  for (const auto selector : kAllSelectors) out += fmt::format("  {:>7.4f}", sums.mass(selector));
  for (const auto selector : {Selector::indexer, Selector::window, Selector::random})
    out += fmt::format("  {:>7.4f}", sums.recall(selector));
  return out + fmt::format("  {:>7.4f}\n", sums.mean_overlap());
}

std::string depth_table(const SparsityOfTopk& t, const Sparsity& all) {
  std::string out =
      fmt::format("top-k {}\n{:>15}  {:>7}  {:^34}  {:^25}  {:>7}\n", t.topk, "", "", "attention mass kept",
                  fmt::format("recall of the best {}", t.topk), "overlap");
  out += fmt::format("{:>15}  {:>7}  {:>7}  {:>7}  {:>7}  {:>7}  {:>7}  {:>7}  {:>7}\n", "positions", "rows",
                     "indexer", "best", "window", "random", "indexer", "window", "random");
  for (std::size_t b = 0; b < all.buckets.size(); ++b)
    out += fmt::format("{:>6} .. {:>5}", all.buckets[b].from, all.buckets[b].to) + selection_row(t.bucket(b));
  return out + fmt::format("{:>15}", "all") + selection_row(t.all()) + "\n";
}

std::string layer_table(const Sparsity& s) {
  std::string out =
      "mass kept by the indexer as a share of the best selection's, and recall of it, by layer\n  layer";
  for (const auto& t : s.topks) out += fmt::format("  {:>15}", fmt::format("top-k {}", t.topk));
  out += "\n";
  for (std::size_t l = 0; l < s.topks.front().layers.size(); ++l) {
    out += fmt::format("{:>7}", l);
    for (const auto& t : s.topks)
      out +=
          fmt::format("  {:>7.4f} {:>7.4f}", t.layer(l).mass_ratio(), t.layer(l).recall(Selector::indexer));
    out += "\n";
  }
  return out + "\n";
}

std::string perplexity_text(const Sparsity& s) {
  std::vector<PerplexityColumn> columns{{.title = "dense", .perplexity = &s.dense}};
  for (const auto& t : s.topks) {
    columns.push_back({.title = fmt::format("{}", t.topk), .perplexity = &t.indexer});
    columns.push_back({.title = fmt::format("best {}", t.topk), .perplexity = &t.best});
  }
  return "perplexity, dense and over the indexer's and the best selection\n" + perplexity_table(columns) +
         "\n";
}

std::string verdict(const SparsityOfTopk& t, const Sparsity& all) {
  const std::size_t worst = t.worst_layer();
  std::string out = fmt::format(
      "top-k {}: mass of the indexer over mass of the best: {:.2f} %, in the worst layer ({}) {:.2f} %\n",
      t.topk, 100 * t.all().mass_ratio(), worst, 100 * t.layer(worst).mass_ratio());
  if (!has_perplexity(all)) return out;
  const auto indexer = perplexity_gap(t.indexer, all.dense, TextPart::second_half);
  const auto best = perplexity_gap(t.best, all.dense, TextPart::second_half);
  out += fmt::format("top-k {}: perplexity of the second half against dense: indexer {}, best {}", t.topk,
                     to_text(indexer), to_text(best));
  if (const auto ratio = gap_ratio(indexer, best)) out += fmt::format(", {:.2f} times the best's", *ratio);
  return out + "\n";
}

}  // namespace

nlohmann::ordered_json to_json(const Sparsity& s) {
  Json out{{"ctx", s.length}, {"windows", s.windows}, {"dense", to_json(s.dense)}, {"topks", Json::array()}};
  for (const auto& t : s.topks) out["topks"].push_back(to_json(t, s));
  return out;
}

std::string to_text(const Sparsity& s) {
  std::string out =
      fmt::format("{} contexts of {} tokens; query rows count where they see more than top-k tokens\n\n",
                  s.windows, s.length);
  for (const auto& t : s.topks) out += depth_table(t, s);
  out += layer_table(s);
  if (has_perplexity(s)) out += perplexity_text(s);
  for (const auto& t : s.topks) out += verdict(t, s);
  return out;
}

}  // namespace dsa
