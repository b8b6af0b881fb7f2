#include "eval/retrieval_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "eval/perplexity_report.h"

namespace dsa {
namespace {

using Json = nlohmann::ordered_json;

Json side(std::int64_t matches, const RetrievalCell& cell, const Interval& share, double log_prob) {
  return {{"matches", matches},
          {"match_share", static_cast<double>(matches) / static_cast<double>(cell.samples)},
          {"match_interval", to_json(share)},
          {"log_prob", log_prob}};
}

Json to_json(const RetrievalCell& cell) {
  return {{"task", name(cell.task)},
          {"length", cell.length},
          {"samples", cell.samples},
          {"dense", side(cell.dense_matches, cell, cell.dense_share, cell.dense_log_prob)},
          {"sparse", side(cell.sparse_matches, cell, cell.sparse_share, cell.sparse_log_prob)},
          {"only_dense_matches", cell.only_dense},
          {"only_sparse_matches", cell.only_sparse},
          {"log_prob_difference", to_json(cell.log_prob)},
          {"judged_by_match", cell.judged_by_match},
          {"match_p_holm", cell.judged_by_match ? Json(cell.match_p) : Json(nullptr)},
          {"log_prob_p_holm", cell.log_prob_p},
          {"worse", cell.worse()}};
}

std::int64_t worse_cells(const RetrievalSummary& s) {
  return std::ranges::count_if(s.cells, [](const RetrievalCell& cell) { return cell.worse(); });
}

std::int64_t samples(const RetrievalSummary& s) {
  std::int64_t count = 0;
  for (const auto& cell : s.cells) count += cell.samples;
  return count;
}

std::string share(std::int64_t matches, const RetrievalCell& cell, const Interval& interval) {
  return fmt::format("{:3.0f} % ({:.0f} .. {:.0f})",
                     100 * static_cast<double>(matches) / static_cast<double>(cell.samples),
                     100 * interval.low, 100 * interval.high);
}

}  // namespace

nlohmann::ordered_json to_json(const PairedDifference& d) {
  return {{"mean", d.mean}, {"interval", d.interval ? to_json(*d.interval) : Json(nullptr)}};
}

std::string to_text(const PairedDifference& d) {
  std::string out = fmt::format("{:+.3f}", d.mean);
  if (d.interval) out += fmt::format(" ({:+.3f} .. {:+.3f})", d.interval->low, d.interval->high);
  return out;
}

nlohmann::ordered_json to_json(const RetrievalSummary& s) {
  Json out{{"cells", Json::array()},
           {"samples", samples(s)},
           {"pooled_log_prob_difference", to_json(s.pooled)},
           {"worse_cells", worse_cells(s)}};
  for (const auto& cell : s.cells) out["cells"].push_back(to_json(cell));
  return out;
}

std::string to_text(const RetrievalSummary& s) {
  std::string out =
      fmt::format("{:<9}  {:>6}  {:>4}  {:<18}  {:<18}  {:>6}  {:<26}  {:>6}\n", "task", "length", "n",
                  "match: dense", "sparse", "p", "log-prob: sparse - dense", "p");
  for (const auto& cell : s.cells) {
    const std::string match_p = cell.judged_by_match ? fmt::format("{:.3f}", cell.match_p) : "-";
    out += fmt::format("{:<9}  {:>6}  {:>4}  {:<18}  {:<18}  {:>6}  {:<26}  {:>6.3f}{}\n", name(cell.task),
                       cell.length, cell.samples, share(cell.dense_matches, cell, cell.dense_share),
                       share(cell.sparse_matches, cell, cell.sparse_share), match_p, to_text(cell.log_prob),
                       cell.log_prob_p, cell.worse() ? "  worse" : "");
  }
  out += fmt::format("\nsparse is significantly worse in {} of {} cells (Holm, 5 %)\n", worse_cells(s),
                     s.cells.size());
  return out + fmt::format("log-probability of the answer, nats a token, sparse - dense, all samples: {}\n",
                           to_text(s.pooled));
}

}  // namespace dsa
