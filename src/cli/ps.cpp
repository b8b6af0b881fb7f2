// dsa ps: what a server has in memory, and what it does.
#include <memory>

#include "base/error.h"
#include "base/json.h"
#include "cli/model_report.h"
#include "cli/server_client.h"
#include "cli/terminal.h"
#include "cli/verb.h"

namespace dsa::cli {
namespace {

using Json = nlohmann::ordered_json;

struct PsOptions {
  ServerOptions server;
  bool json = false;
};

std::string leaves_in(const Json& model) {
  if (model.at("stays").get<bool>()) return "stays";
  if (model.at("state") != "loaded") return "";
  if (!model.at("leaves_in_s").is_number())
    return model.at("idle_s").get<double>() > 0 ? "when needed" : "busy";
  return fmt::format("in {:.0f} s", model.at("leaves_in_s").get<double>());
}

std::string hit_share(const Json& model) {
  const double all = model.at("prompt_tokens").get<double>();
  if (all == 0) return "";
  return fmt::format("{:.0f} %", 100 * model.at("prompt_cache_hit_tokens").get<double>() / all);
}

std::string ps_text(const Json& told) {
  std::string out =
      fmt::format("memory of models: {}", human_bytes(told.at("memory_bytes").get<std::int64_t>()));
  if (const Json& limit = told.at("memory_limit_bytes"); limit.is_number())
    out += fmt::format(" of {}", human_bytes(limit.get<std::int64_t>()));
  const auto line = [&](const auto&... cells) {
    out += fmt::format("{:<24}{:<9}{:>11}{:>8}{:>9}{:>9}{:>12}{:>13}{:>7}  {}\n", cells...);
  };
  out += "\n";
  line("model", "state", "memory", "queued", "reading", "writing", "read tok/s", "write tok/s", "hits",
       "leaves");
  for (const Json& model : told.at("data"))
    line(printable(model.at("id").get<std::string>(), 60), model.at("state").get<std::string>(),
         model.at("bytes").is_number() ? human_bytes(model.at("bytes").get<std::int64_t>()) : "",
         model.at("queued").get<std::int64_t>(), model.at("reading").get<std::int64_t>(),
         model.at("writing").get<std::int64_t>(), fmt::format("{:.1f}", model.at("read_tok_s").get<double>()),
         fmt::format("{:.1f}", model.at("write_tok_s").get<double>()), hit_share(model), leaves_in(model));
  return out;
}

int show_models(const PsOptions& o) {
  const Json told = ask_server_for(o.server, "/admin/models");
  if (o.json) {
    print(json_text(told, 2) + "\n");
    return kDone;
  }
  try {
    print(ps_text(told));
  } catch (const Json::exception&) {
    fail("{}: is no server of dsa's, or another version", printable(o.server.url, 200));
  }
  return kDone;
}

}  // namespace

Action declare_ps(Command command) {
  auto options = std::make_shared<PsOptions>();
  command.add_option("url", options->server.url, "the server: http://HOST:PORT, https://HOST, unix:PATH")
      .type_name("URL")
      .show_default();
  add_server_key(command, options->server);
  command.add_flag("--json", options->json, "one JSON object on stdout");
  command.footer(
      "Speeds are of the last ten seconds, of all answers together; hits are the share of all prompts' "
      "tokens that the cache had.\nWhere keys are asked for it takes one of the role admin.\n\n"
      "Example:\n  dsa ps http://127.0.0.1:8000 --json\n");
  return [options] { return show_models(*options); };
}

}  // namespace dsa::cli
