// dsa serve [MODEL ...]: answers over HTTP, with OpenAI's API.
#include "server/serve.h"

#include <cstdlib>
#include <memory>

#include "base/error.h"
#include "base/numeric.h"
#include "cli/serve_accounts.h"
#include "cli/serve_models.h"
#include "cli/serve_settings.h"
#include "cli/verb.h"

namespace dsa::cli {
namespace {

struct ServeOptions {
  ModelOptions model;               // of all that do not say otherwise
  ServingOptions serving;           // of all together
  std::vector<std::string> models;  // none: those of the file, else the default
  bool estimate = false;
  std::string config;
  bool print_config = false;
  std::string host = "127.0.0.1";
  std::int64_t port = 8000;
  std::string unix_socket;
  std::string tls_cert;
  std::string tls_key;
  std::int64_t drain = 30;
  std::int64_t max_body = std::int64_t{32} << 20;
  std::int64_t max_connections = 4096;
  std::int64_t max_per_client = 1024;
  std::vector<std::string> allow_host;
  std::vector<std::string> allow_origin;
  std::string capture;
  bool log_requests = false;
  bool log_prompts = false;
  AccountOptions accounts;
  SettingsTables tables;
};

server::ServeSettings settings_of(const ServeOptions& o) {
  server::ServeSettings s;
  s.http.host = o.host == "none" ? "" : o.host;
  s.http.port = static_cast<std::uint16_t>(o.port);
  s.http.unix_socket = o.unix_socket;
  s.http.tls_cert = o.tls_cert;
  s.http.tls_key = o.tls_key;
  s.http.limits.body_bytes = usize(o.max_body);
  s.http.limits.connections = usize(o.max_connections);
  s.http.limits.running_per_client = usize(o.max_per_client);
  s.api = {.allow_hosts = o.allow_host,
           .allow_origins = o.allow_origin,
           .capture = o.capture,
           .log_requests = o.log_requests,
           .log_prompts = o.log_prompts,
           .log = [](const std::string& line) { fmt::print(stderr, "{}\n", line); }};
  s.drain = std::chrono::seconds(o.drain);
  s.on_ready = [](const std::string& addresses) { fmt::print(stderr, "dsa: serving at {}", addresses); };
  return s;
}

int serve_models(const ServeOptions& o) {
  server::ServeSettings settings = settings_of(o);
  // Before the engines, whose last events still find it.
  OpenAccounts accounts = open_accounts(o.accounts, o.tables.prices, settings.http.host);
  settings.api.gate = accounts.gate.get();
  if (o.accounts.check) {
    fmt::print("{}", reach(accounts, settings.http.host, settings.http.unix_socket));
    return kDone;
  }
  const ServingPlan plan = plan_models(o.models, o.tables.models, o.model, o.serving);
  server::ModelPool models(pooled(plan, o.serving), plan.budget_bytes);
  if (!o.tables.versions.is_null()) {
    settings.api.versions = server::read_versions(o.tables.versions, models.cards().front().id, "--config");
    for (const server::Version& version : settings.api.versions)
      for (const std::string& model : {version.model, version.successor})
        (void)server::find_model(models.cards(), model);
  }
  if (!o.tables.volatile_lines.is_null())
    settings.api.volatile_lines = server::read_volatile_lines(o.tables.volatile_lines, "--config");
  models.load_those_that_stay();
  const auto end = server::serve(models, settings);
  // An engine that hangs would keep us at its destructor, and so would a model that is being loaded.
  if (end == server::ServeEnd::abandoned) std::_Exit(kInterrupted);
  if (models.is_loading()) {
    accounts.gate = nullptr;
    std::_Exit(kDone);
  }
  return kDone;
}

void add_server_options(Command command, ServeOptions& o) {
  command.add_option("--config", o.config, "TOML, with the options as keys: port = 8080").type_name("FILE");
  command.add_flag("--print-config", o.print_config, "print all settings as such a file, and end");
  command.add_option("--host", o.host, "address to listen at, or none").show_default();
  command.add_option("--port", o.port, "0: one that is free")
      .check(whole<std::int64_t>(0, 65535))
      .show_default();
  command.add_option("--unix-socket", o.unix_socket, "listen there too; only its owner may use it")
      .type_name("PATH");
  command.add_option("--tls-cert", o.tls_cert, "certificate chain in PEM: HTTPS; read again on SIGHUP")
      .type_name("FILE");
  command.add_option("--tls-key", o.tls_key, "its private key").type_name("FILE");
  command.add_option("--drain", o.drain, "seconds that running answers may take after SIGTERM")
      .check(whole<std::int64_t>(0, 86400))
      .show_default();
  command.add_option("--max-running", o.serving.max_running, "answers at a time; more wait")
      .check(whole<std::int64_t>(1, 4096))
      .show_default();
  command
      .add_option("--memory", o.serving.memory,
                  "MiB for the models that are loaded at a time, weights and cache (default: nine tenths of "
                  "what is free)")
      .type_name("MIB")
      .check(whole<std::int64_t>(0, std::int64_t{1} << 40));
  command.add_flag("--estimate", o.estimate, "print what memory it takes, for how many users, and end");
  command.add_option("--max-queue", o.serving.max_queue, "requests that wait; more get 503")
      .check(whole<std::int64_t>(1, 1 << 20))
      .show_default();
  command.add_option("--max-body", o.max_body, "bytes of a request")
      .check(whole<std::int64_t>(1, std::int64_t{64} << 20))
      .show_default();
  command.add_option("--max-connections", o.max_connections, "open at a time")
      .check(whole<std::int64_t>(1, 1 << 20))
      .show_default();
  command.add_option("--max-per-client", o.max_per_client, "requests of one address being answered")
      .check(whole<std::int64_t>(1, 1 << 20))
      .show_default();
  command
      .add_option("--allow-host", o.allow_host,
                  "a name of this server in requests, beside addresses and localhost")
      .type_name("NAME");
  command.add_option("--allow-origin", o.allow_origin, "web pages of this address may ask; *: all may")
      .type_name("URL");
  command.add_option("--capture", o.capture, "keep each request there, as a script that sends it again")
      .type_name("DIR");
  command.add_flag("--log-requests", o.log_requests, "a line on stderr for each request");
  command.add_flag("--log-prompts", o.log_prompts, "and what it says");
  add_account_options(command, o.accounts);
}

}  // namespace

Action declare_serve(Command command) {
  auto options = std::make_shared<ServeOptions>();
  command
      .add_option(
          "model", options->models,
          "folders with config.json and safetensors, .gguf files, or smollm2; one that has an indexer is "
          "also NAME:dense")
      .type_name("MODEL ...")
      .default_text(options->model.common.model);
  add_model_options(command, options->model);
  add_server_options(command, *options);
  command.footer(
      "Example:\n  dsa serve smollm2 --port 8000\n"
      "  curl http://127.0.0.1:8000/v1/chat/completions -d "
      "'{\"messages\": [{\"role\": \"user\", \"content\": \"Hello!\"}]}'\n\n"
      "Each option is also a variable (DSA_SERVE_PORT) and a key of --config; what is typed "
      "goes first, then the variable.\nSIGTERM: what runs comes to its end, for --drain seconds.\n");
  return [options, command]() mutable {
    options->tables = take_settings(command, options->config);
    if (!options->tables.models.empty()) command.option("model").default_text("");
    if (options->print_config) {
      fmt::print("{}", settings_as_toml(command, options->tables));
      return kDone;
    }
    if (options->models.empty() && options->tables.models.empty())
      options->models = {options->model.common.model};
    if (options->estimate) {
      fmt::print("{}", estimate_text(plan_models(options->models, options->tables.models, options->model,
                                                 options->serving)));
      return kDone;
    }
    return serve_models(*options);
  };
}

}  // namespace dsa::cli
