#include <array>

#include "base/json.h"
#include "server/anthropic.h"
#include "server/fields.h"
#include "server/loaded_models.h"
#include "server/openai_chat.h"
#include "server/openai_completions.h"
#include "server/openapi.h"
#include "server/page.h"
#include "server/request_fields.h"
#include "server/response_items.h"
#include "server/responses.h"
#include "server/route.h"
#include "server/token_api.h"

namespace dsa::server {
namespace {

std::string_view behind(const HttpRequest& request, std::string_view folder) {
  return bare_path(request.path()).substr(folder.size());
}

ApiError no_response(const std::string& id) {
  return {404, "response_not_found",
          fmt::format("there is no response \"{}\": it was not stored, is another key's, was dropped, or the "
                      "server was started anew since",
                      printable(id, 100)),
          "id"};
}

}  // namespace

std::span<const Api::Route> Api::routes() {
  using Cards = std::span<const ModelCard>;
  static constexpr auto named = [](Cards cards, const Asked& asked) {
    return find_model(cards, model_of(Fields(asked.body)));
  };
  static constexpr auto named_as_anthropic = [](Cards cards, const Asked& asked) {
    return find_anthropic_model(cards, model_of(Fields(asked.body)));
  };
  static const std::array kRoutes{
      Route{"POST", "/chat/completions",
            [](Api& api, Asked& asked) {
              ChatCall call = read_chat(Fields(asked.body), *asked.model, asked.request.body);
              auto writer = write_chat(call, *asked.model);
              api.start(asked, std::move(writer), std::move(call.plan));
            },
            named, Access::user, /*may_stream=*/true},
      Route{"POST", "/responses",
            [](Api& api, Asked& asked) {
              const ResponseShelf shelf = api.shelf_of(*asked.exchange);
              ResponsesCall call =
                  read_responses(Fields(asked.body), *asked.model, asked.request.body, shelf);
              auto writer = write_response(call, *asked.model, shelf);
              api.start(asked, std::move(writer), std::move(call.chat.plan));
            },
            named, Access::user, /*may_stream=*/true},
      Route{"GET", "/responses/*/input_items",
            [](Api& api, Asked& asked) {
              std::string id(behind(asked.request, "/responses/"));
              id.resize(id.size() - std::string_view("/input_items").size());
              const auto found = api.responses_.find(id, api.shelf_of(*asked.exchange).owner);
              if (!found) throw no_response(id);
              asked.send(page_of_items(parse_json(found->items, "items"), asked.request));
            }},
      Route{"GET", "/responses/",
            [](Api& api, Asked& asked) {
              const std::string id(behind(asked.request, "/responses/"));
              const auto found = api.responses_.find(id, api.shelf_of(*asked.exchange).owner);
              if (!found) throw no_response(id);
              asked.send({.body = found->body});
            }},
      Route{"DELETE", "/responses/",
            [](Api& api, Asked& asked) {
              const std::string id(behind(asked.request, "/responses/"));
              if (!api.responses_.forget(id, api.shelf_of(*asked.exchange).owner)) throw no_response(id);
              asked.send({.body = json_text(nlohmann::ordered_json{
                                      {"id", id}, {"object", "response"}, {"deleted", true}}) +
                                  "\n"});
            }},
      Route{"POST", "/completions",
            [](Api& api, Asked& asked) {
              const Fields body(asked.body);
              CompletionsCall call = read_completions(body, *asked.model);
              Plan plan = call.plan;
              plan.structure = read_structure(body, asked.request.body);
              auto writer = write_completions(std::move(call), *asked.model);
              api.start(asked, std::move(writer), std::move(plan));
            },
            named, Access::user, /*may_stream=*/true},
      Route{"POST", "/messages",
            [](Api& api, Asked& asked) {
              MessagesCall call = read_messages(Fields(asked.body), *asked.model, /*counting=*/false,
                                                asked.request.body, api.settings_.volatile_lines);
              if (!call.aside.dropped.empty())
                asked.headers.emplace_back("X-Dsa-Dropped", call.aside.dropped);
              if (!call.aside.moved.empty()) asked.headers.emplace_back("X-Dsa-Moved", call.aside.moved);
              auto writer = write_message(call, *asked.model);
              api.start(asked, std::move(writer), std::move(call.chat.plan));
            },
            named_as_anthropic, Access::user, /*may_stream=*/true},
      Route{"POST", "/messages/count_tokens",
            [](Api& api, Asked& asked) {
              const auto call = read_messages(Fields(asked.body), *asked.model, /*counting=*/true,
                                              asked.request.body, api.settings_.volatile_lines);
              const auto tokens = call.chat.plan.requests.front().prompt.size();
              asked.send({.body = json_text(nlohmann::ordered_json{{"input_tokens", tokens}}) + "\n"});
            },
            named_as_anthropic},
      Route{"POST", "/tokenize",
            [](Api&, Asked& asked) {
              asked.send(tokenize(Fields(asked.body), *asked.model, asked.request.body));
            },
            named},
      Route{"POST", "/detokenize",
            [](Api&, Asked& asked) { asked.send(detokenize(Fields(asked.body), *asked.model)); }, named},
      Route{"GET", "/tokenizer_info", [](Api&, Asked& asked) { asked.send(tokenizer_info(*asked.model)); },
            [](Cards cards, const Asked& asked) { return find_model(cards, asked.request.query("model")); }},
      Route{"GET", "/models", [](Api& api, Asked& asked) { asked.send(list_models(api.models_.cards())); }},
      Route{"GET", "/models/",
            [](Api& api, Asked& asked) {
              std::string id;
              if (!percent_decode(behind(asked.request, "/models/"), id) || id.empty())
                throw ApiError(404, "model_not_found", "the path names no model", "model");
              const auto cards = api.models_.cards();
              asked.send(describe_model(cards[find_model(cards, id)]));
            }},
      Route{"GET", "/streams/", [](Api& api, Asked& asked) { api.take_up(asked); }},
      Route{"GET", "/health", [](Api& api, Asked& asked) { asked.send(api.health()); }, nullptr,
            Access::open},
      Route{"GET", "/ready",
            [](Api& api, Asked& asked) {
              if (api.draining_) throw draining_error();
              asked.send({.body = "{\"status\":\"ready\"}\n"});
            },
            nullptr, Access::open},
      Route{"GET", "/metrics",
            [](Api& api, Asked& asked) {
              std::string text = api.metrics_.text(api.models_.states());
              if (api.settings_.gate != nullptr) text += api.settings_.gate->metrics();
              asked.send({.body = std::move(text), .type = "text/plain; version=0.0.4; charset=utf-8"});
            },
            nullptr, Access::admin},
      Route{"GET", "/user/balance",
            [](Api& api, Asked& asked) { asked.send(api.gate().balance(*asked.exchange->caller)); }},
      Route{"GET", "/admin/usage",
            [](Api& api, Asked& asked) { asked.send(api.gate().usage(asked.request)); }, nullptr,
            Access::admin},
      Route{"GET", "/admin/models", [](Api& api, Asked& asked) { asked.send(loaded_models(api.models_)); },
            nullptr, Access::admin},
      Route{"GET", "/admin/keys", [](Api& api, Asked& asked) { asked.send(api.gate().keys()); }, nullptr,
            Access::admin},
      Route{"GET", "/openapi.json", [](Api&, Asked& asked) { asked.send({.body = openapi_document()}); },
            nullptr, Access::open},
      Route{"GET", "/", [](Api&, Asked& asked) { asked.send(page_file("index.html", asked.request)); },
            nullptr, Access::open},
      Route{"GET", "/page/",
            [](Api&, Asked& asked) { asked.send(page_file(behind(asked.request, "/page/"), asked.request)); },
            nullptr, Access::open},
  };
  return kRoutes;
}

std::vector<RouteInfo> Api::table() {
  std::vector<RouteInfo> out;
  for (const Route& route : routes()) out.push_back({route.method, route.path, route.access});
  return out;
}

}  // namespace dsa::server
