#include "server/models.h"

#include "base/json.h"
#include "server/errors.h"

namespace dsa::server {
namespace {

nlohmann::ordered_json to_json(const ServedModel& model) {
  nlohmann::ordered_json out{{"id", model.id},
                             {"object", "model"},
                             {"created", model.created},
                             {"owned_by", "dsa"},
                             {"context_window", model.context},
                             {"max_model_len", model.context},
                             {"dsa", {{"kernels", model.kernels}, {"indexer", nullptr}, {"top_k", nullptr}}}};
  if (model.topk > 0) out["dsa"]["top_k"] = model.topk;
  if (!model.indexer.empty()) out["dsa"]["indexer"] = model.indexer;
  return out;
}

}  // namespace

const ServedModel& find_model(std::span<const ServedModel> models, std::string_view id) {
  DSA_CHECK(!models.empty());
  if (id.empty()) return models.front();
  std::string names;
  for (const ServedModel& model : models) {
    if (model.id == id) return model;
    names += (names.empty() ? "" : ", ") + model.id;
  }
  throw ApiError(404, "model_not_found",
                 fmt::format("there is no model \"{}\" here, expected {}", printable(id, 100), names),
                 "model");
}

HttpAnswer list_models(std::span<const ServedModel> models) {
  nlohmann::ordered_json data = nlohmann::ordered_json::array();
  for (const ServedModel& model : models) data.push_back(to_json(model));
  return {.body = json_text(nlohmann::ordered_json{{"object", "list"}, {"data", std::move(data)}}) + "\n"};
}

HttpAnswer describe_model(const ServedModel& model) { return {.body = json_text(to_json(model)) + "\n"}; }

}  // namespace dsa::server
