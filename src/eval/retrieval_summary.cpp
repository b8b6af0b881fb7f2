#include "eval/retrieval_summary.h"

#include <map>
#include <utility>

namespace dsa {
namespace {

RetrievalCell cell_of(std::span<const RetrievalResult* const> results) {
  RetrievalCell cell{.task = results.front()->task,
                     .length = results.front()->length,
                     .samples = static_cast<std::int64_t>(results.size())};
  std::vector<double> differences;
  for (const RetrievalResult* r : results) {
    cell.dense_matches += r->dense.match ? 1 : 0;
    cell.sparse_matches += r->sparse.match ? 1 : 0;
    cell.only_dense += r->dense.match && !r->sparse.match ? 1 : 0;
    cell.only_sparse += !r->dense.match && r->sparse.match ? 1 : 0;
    cell.dense_log_prob += r->per_token(r->dense.log_prob) / static_cast<double>(cell.samples);
    cell.sparse_log_prob += r->per_token(r->sparse.log_prob) / static_cast<double>(cell.samples);
    differences.push_back(r->per_token(r->sparse.log_prob - r->dense.log_prob));
  }
  cell.dense_share = wilson_interval(cell.dense_matches, cell.samples);
  cell.sparse_share = wilson_interval(cell.sparse_matches, cell.samples);
  cell.log_prob = paired_difference(differences);
  cell.judged_by_match =
      static_cast<double>(cell.dense_matches) >= kLeastDenseShare * static_cast<double>(cell.samples);
  return cell;
}

void correct_for_many(std::vector<RetrievalCell>& cells) {
  std::vector<RetrievalCell*> matched;
  std::vector<double> match, log_prob;
  for (auto& cell : cells) {
    log_prob.push_back(cell.log_prob.p_below_zero);
    if (!cell.judged_by_match) continue;
    matched.push_back(&cell);
    match.push_back(mcnemar_p_worse(cell.only_dense, cell.only_sparse));
  }
  match = holm(match);
  log_prob = holm(log_prob);
  for (std::size_t i = 0; i < matched.size(); ++i) matched[i]->match_p = match[i];
  for (std::size_t i = 0; i < cells.size(); ++i) cells[i].log_prob_p = log_prob[i];
}

}  // namespace

bool RetrievalCell::worse() const {
  return (judged_by_match && match_p < kSignificance) || log_prob_p < kSignificance;
}

RetrievalSummary summarise(std::span<const RetrievalResult> results) {
  std::map<std::pair<RetrievalTask, std::int64_t>, std::vector<const RetrievalResult*>> by_cell;
  std::vector<double> differences, tokens;
  for (const auto& r : results) {
    by_cell[{r.task, r.length}].push_back(&r);
    differences.push_back(r.sparse.log_prob - r.dense.log_prob);
    tokens.push_back(static_cast<double>(r.answer_tokens));
  }
  RetrievalSummary out;
  for (const auto& [key, cell] : by_cell) out.cells.push_back(cell_of(cell));
  correct_for_many(out.cells);
  out.pooled = pooled_difference(differences, tokens);
  return out;
}

}  // namespace dsa
