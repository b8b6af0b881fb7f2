#include "server/loaded_models.h"

#include <limits>

#include "base/json.h"

namespace dsa::server {
namespace {

using Json = nlohmann::ordered_json;

Json ps_row(const ModelState& model) {
  const EngineStatus& s = model.status;
  Json names = Json::array();
  for (const ModelCard& card : model.cards) names.push_back(card.id);
  Json out{{"id", model.cards.front().id},
           {"names", std::move(names)},
           {"state", name(model.presence)},
           {"stays", model.stays},
           {"bytes", model.bytes > 0 ? Json(model.bytes) : Json(nullptr)},
           {"context_window", model.cards.front().context},
           {"loads", model.loads},
           {"idle_s", model.idle_s},
           {"leaves_in_s", model.leaves_in_s ? Json(*model.leaves_in_s) : Json(nullptr)}};
  out["queued"] = s.queued;
  out["reading"] = s.reading;
  out["writing"] = s.writing;
  out["pages"] = s.pages;
  out["pages_free"] = s.pages_free;
  out["pages_cached"] = s.pages_cached;
  out["read_tok_s"] = model.speed.read;
  out["write_tok_s"] = model.speed.written;
  out["prompt_tokens"] = s.prompt_tokens;
  out["prompt_cache_hit_tokens"] = s.ram_tokens + s.disk_tokens;
  out["completion_tokens"] = s.written_tokens;
  return out;
}

}  // namespace

HttpAnswer loaded_models(const ModelPool& models) {
  Json data = Json::array();
  std::int64_t used = 0;
  for (const ModelState& model : models.states()) {
    data.push_back(ps_row(model));
    if (model.presence >= Presence::loading) used += model.bytes;
  }
  const bool bounded = models.budget_bytes() < std::numeric_limits<std::int64_t>::max();
  const Json out{{"object", "list"},
                 {"memory_bytes", used},
                 {"memory_limit_bytes", bounded ? Json(models.budget_bytes()) : Json(nullptr)},
                 {"data", std::move(data)}};
  return {.body = json_text(out) + "\n"};
}

}  // namespace dsa::server
