#include "model/batch.h"

#include <fmt/format.h>

#include <string_view>

namespace dsa {
namespace {

std::string_view describe(Refusal refusal) {
  switch (refusal) {
    case Refusal::none:
      break;
    case Refusal::token:
      return "a token id is outside the vocabulary";
    case Refusal::position:
      return "its tokens lie before the beginning or past the context: shorten it or raise `context`";
    case Refusal::page_table:
      return "its page table does not cover its tokens, or names a page that the cache has not";
    case Refusal::logits_rows:
      return "the rows that want logits are not ascending, or lie beyond its tokens";
    case Refusal::no_indexer:
      return "`attention` sparse: this model has no indexer in use: choose auto or dense";
    case Refusal::topk:
      return "`index_topk` is outside what the model was loaded to select";
    case Refusal::too_many_rows:
      return "the batch has more rows than one pass takes (`chunk`)";
    case Refusal::shared_page:
      return "a page of the cache is written by one sequence of the batch and used by another";
  }
  return "nothing";
}

}  // namespace

std::string describe(const SequenceStatus& status, std::int64_t layers) {
  if (status.outcome == PassOutcome::refused) return std::string(describe(status.refusal));
  const std::string where =
      status.bad_layer == layers ? "the logits" : fmt::format("the output of layer {}", status.bad_layer);
  return fmt::format(
      "{} held a NaN or an infinity at token {}: the weights are damaged, or their values "
      "overflow this arithmetic (try `compute` f32)",
      where, status.bad_position);
}

}  // namespace dsa
