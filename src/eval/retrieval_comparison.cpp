#include "eval/retrieval_comparison.h"

#include <fmt/format.h>

#include <map>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "eval/retrieval_report.h"

namespace dsa {
namespace {

using Json = nlohmann::ordered_json;
using Pairs = std::vector<std::pair<const RetrievalResult*, const RetrievalResult*>>;

double loss(const RetrievalResult& r) { return r.per_token(r.sparse.log_prob - r.dense.log_prob); }

RetrievalDifferences differences(const Pairs& pairs) {
  std::vector<double> sparse, losses, to_dense;
  for (const auto& [one, other] : pairs) {
    sparse.push_back(one->per_token(one->sparse.log_prob - other->sparse.log_prob));
    losses.push_back(loss(*one) - loss(*other));
    to_dense.push_back(one->per_token(one->sparse.log_prob - other->dense.log_prob));
  }
  return {.samples = static_cast<std::int64_t>(pairs.size()),
          .sparse = paired_difference(sparse),
          .loss = paired_difference(losses),
          .to_dense = paired_difference(to_dense)};
}

Json to_json(const RetrievalDifferences& d) {
  return {{"samples", d.samples},
          {"sparse", to_json(d.sparse)},
          {"loss", to_json(d.loss)},
          {"sparse_to_dense", to_json(d.to_dense)}};
}

std::string row(std::string_view task, const std::string& length, const RetrievalDifferences& d) {
  return fmt::format("{:<9}  {:>6}  {:>4}  {:<26}  {:<26}  {}\n", task, length, d.samples, to_text(d.sparse),
                     to_text(d.loss), to_text(d.to_dense));
}

}  // namespace

RetrievalComparison compare(std::span<const RetrievalResult> results,
                            std::span<const RetrievalResult> others) {
  std::map<std::tuple<RetrievalTask, std::int64_t, std::int64_t>, const RetrievalResult*> known;
  for (const auto& other : others) known[{other.task, other.length, other.number}] = &other;
  std::map<std::pair<RetrievalTask, std::int64_t>, Pairs> cells;
  Pairs all;
  for (const auto& one : results) {
    const auto found = known.find({one.task, one.length, one.number});
    if (found == known.end()) continue;
    const RetrievalResult& other = *found->second;
    if (one.prompt_tokens != other.prompt_tokens || one.answer_tokens != other.answer_tokens)
      fail(
          "sample {} of {} at {} has {} + {} tokens here and {} + {} there: "
          "runs of different samples cannot be compared (seed, tokenizer and `raw` must be the same)",
          one.number, name(one.task), one.length, one.prompt_tokens, one.answer_tokens, other.prompt_tokens,
          other.answer_tokens);
    cells[{one.task, one.length}].emplace_back(&one, &other);
    all.emplace_back(&one, &other);
  }
  if (all.empty()) fail("the two runs have no sample in common");
  RetrievalComparison out;
  for (const auto& [key, pairs] : cells)
    out.cells.push_back({.task = key.first, .length = key.second, .differences = differences(pairs)});
  out.all = differences(all);
  return out;
}

nlohmann::ordered_json to_json(const RetrievalComparison& c) {
  Json out{{"cells", Json::array()}, {"all", to_json(c.all)}};
  for (const auto& cell : c.cells) {
    Json json{{"task", name(cell.task)}, {"length", cell.length}};
    json.update(to_json(cell.differences));
    out["cells"].push_back(std::move(json));
  }
  return out;
}

std::string to_text(const RetrievalComparison& c) {
  std::string out = fmt::format("{:<9}  {:>6}  {:>4}  {:<26}  {:<26}  {}\n", "task", "length", "n",
                                "sparse - its sparse", "loss here - loss there", "sparse - its dense");
  for (const auto& cell : c.cells) out += row(name(cell.task), std::to_string(cell.length), cell.differences);
  return out + row("all", "", c.all);
}

}  // namespace dsa
