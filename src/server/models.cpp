#include "server/models.h"

#include "base/json.h"
#include "server/errors.h"

namespace dsa::server {
namespace {

nlohmann::ordered_json to_json(const ModelCard& card) {
  nlohmann::ordered_json out{{"id", card.id},
                             {"object", "model"},
                             {"created", card.created},
                             {"owned_by", "dsa"},
                             {"context_window", card.context},
                             {"max_model_len", card.context},
                             {"dsa", {{"kernels", card.kernels}, {"indexer", nullptr}, {"top_k", nullptr}}}};
  if (card.topk > 0) out["dsa"]["top_k"] = card.topk;
  if (!card.indexer.empty()) out["dsa"]["indexer"] = card.indexer;
  return out;
}

}  // namespace

ModelCard card_of(const ServedModel& model) {
  return {.id = model.id,
          .context = model.context,
          .topk = model.topk,
          .indexer = model.indexer,
          .kernels = model.kernels,
          .created = model.created};
}

std::size_t find_model(std::span<const ModelCard> cards, std::string_view id) {
  DSA_CHECK(!cards.empty());
  if (id.empty()) return 0;
  std::string names;
  for (std::size_t i = 0; i < cards.size(); ++i) {
    if (cards[i].id == id) return i;
    names += (names.empty() ? "" : ", ") + cards[i].id;
  }
  throw ApiError(404, "model_not_found",
                 fmt::format("there is no model \"{}\" here, expected {}", printable(id, 100), names),
                 "model");
}

HttpAnswer list_models(std::span<const ModelCard> cards) {
  nlohmann::ordered_json data = nlohmann::ordered_json::array();
  for (const ModelCard& card : cards) data.push_back(to_json(card));
  return {.body = json_text(nlohmann::ordered_json{{"object", "list"}, {"data", std::move(data)}}) + "\n"};
}

HttpAnswer describe_model(const ModelCard& card) { return {.body = json_text(to_json(card)) + "\n"}; }

}  // namespace dsa::server
