// dsa serve [MODEL ...]: answers over HTTP, with OpenAI's API.
#include "server/serve.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "base/cgroup.h"
#include "base/error.h"
#include "base/numeric.h"
#include "cli/options.h"
#include "cli/serve_accounts.h"
#include "cli/serve_settings.h"
#include "cli/verb.h"
#include "engine/model_engine.h"
#include "grammar/grammar_compiler.h"
#include "model/kv_cache.h"

namespace dsa::cli {
namespace {

struct ServeOptions {
  Options common;
  std::vector<std::string> models;  // none: the default of `common`
  std::string name;                 // of the only model, in requests
  std::string config;
  bool print_config = false;
  std::string host = "127.0.0.1";
  std::int64_t port = 8000;
  std::string unix_socket;
  std::string tls_cert;
  std::string tls_key;
  std::int64_t drain = 30;
  std::int64_t max_running = 64;
  std::int64_t max_queue = 1024;
  std::int64_t cache_ram = -1;  // MiB; -1: what suits
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

// The name that was typed, else the folder's or the file's.
std::string id_of(const ServeOptions& o, const std::string& model) {
  if (!o.name.empty()) return o.name;
  const std::filesystem::path path(model);
  const auto last = path.has_filename() ? path.filename() : path.parent_path().filename();
  const std::string id = last.extension() == ".gguf" ? last.stem().string() : last.string();
  return id.empty() || id == "." ? "model" : id;
}

std::string served_indexer(const LoadedModel& model) {
  if (!model.has_indexer()) return "";
  return model.indexer_folder().empty() ? "the model's own" : model.indexer_folder().filename().string();
}

std::int64_t now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(since).count();
}

// Tokens of cache that a model's share of the memory for pages holds: of what was asked for, else of a
// quarter of what is left, up to 4 GiB.
std::int64_t cache_tokens(const ServeOptions& o, const OpenedModel& opened) {
  constexpr std::int64_t kMost = std::int64_t{4} << 30;
  const std::int64_t bytes =
      o.cache_ram >= 0 ? o.cache_ram << 20 : std::min(kMost, memory_left("/").value_or(kMost) / 4);
  return bytes / std::ssize(o.models) /
         static_cast<std::int64_t>(kv_token_bytes(opened.files.config, load_options(o.common).compute));
}

LoadOptions load_served(const ServeOptions& o, const OpenedModel& opened) {
  LoadOptions load = load_options(o.common);
  load.cache = cache_tokens(o, opened);
  return load;
}

// A model and all that answers for it.
class Served {
 public:
  // `o.common.model` is the one.
  Served(const ServeOptions& o, OpenedModel opened)
      : tokenizer_(fitting_tokenizer(opened.files)),
        model_(std::move(opened), load_served(o, opened)),
        prompt_(model_.files(), tokenizer_,
                {.raw = o.common.raw,
                 .name = o.common.chat_format,
                 .without = WithoutFormat::complete,
                 .context = model_.context()}),
        engine_(model_, tokenizer_,
                {.max_running = o.max_running,
                 .queue = {.requests = o.max_queue},
                 .speculation = speculation(o.common),
                 .disk = disk_cache(o.common)}),
        grammars_(tokenizer_, model_.config().vocab_size),
        run_(run_options(o.common)),
        id_(id_of(o, o.common.model)) {
    engine_.check(run_);
  }

  // By its name; and, where it has an indexer, as it is without: to compare them.
  void list(std::vector<server::ServedModel>& models) {
    server::ServedModel model{.id = id_,
                              .engine = engine_,
                              .tokenizer = tokenizer_,
                              .prompt = prompt_,
                              .context = model_.context(),
                              .vocab_size = model_.config().vocab_size,
                              .topk = model_.topk(),
                              .indexer = served_indexer(model_),
                              .kernels = std::string(model_.transformer().kernels().name),
                              .created = now(),
                              .run = run_,
                              .grammars = &grammars_};
    models.push_back(model);
    if (!model_.has_indexer() || run_.attention == AttentionMode::dense) return;
    model.id += ":dense";
    model.run.attention = AttentionMode::dense;
    models.push_back(std::move(model));
  }

 private:
  const Tokenizer tokenizer_;
  LoadedModel model_;
  const ChatPrompt prompt_;
  ModelEngine engine_;
  GrammarCompiler grammars_;
  RunOptions run_;
  std::string id_;
};

int serve_models(ServeOptions o) {
  if (o.models.size() > 1 && !o.name.empty())
    throw UsageError(fmt::format("--name is one model's, and {} are served", o.models.size()));
  server::ServeSettings settings = settings_of(o);
  // Before the engines, whose last events still find it.
  const OpenAccounts accounts = open_accounts(o.accounts, o.tables.prices, settings.http.host);
  settings.api.gate = accounts.gate.get();
  if (o.accounts.check) {
    fmt::print("{}", reach(accounts, settings.http.host, settings.http.unix_socket));
    return kDone;
  }
  std::vector<std::unique_ptr<Served>> served;
  std::vector<server::ServedModel> models;
  for (const std::string& model : o.models) {
    o.common.model = model;
    const std::string id = id_of(o, model);
    if (std::ranges::any_of(models, [&](const auto& one) { return one.id == id; }))
      fail("two models are called \"{}\": serve one of them by another path", printable(id));
    served.push_back(std::make_unique<Served>(o, open(o.common)));
    served.back()->list(models);
  }
  const auto end = server::serve(models, settings);
  // An engine that hangs would keep us at its destructor.
  if (end == server::ServeEnd::abandoned) std::_Exit(kInterrupted);
  return kDone;
}

void add_server_options(Command command, ServeOptions& o) {
  command.add_option("--name", o.name, "the model's name in requests (default: as it was typed)")
      .type_name("NAME");
  add_chat_format(command, o.common.chat_format);
  command.add_flag("--raw", o.common.raw, "no chat format: the last message of a conversation is continued");
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
  command.add_option("--max-running", o.max_running, "answers at a time; more wait")
      .check(whole<std::int64_t>(1, 4096))
      .show_default();
  command
      .add_option("--cache-ram", o.cache_ram,
                  "MiB of memory for pages of the cache, at least those of one context (default: a quarter "
                  "of what is free, up to 4096)")
      .type_name("MIB")
      .check(whole<std::int64_t>(0, 1 << 30));
  command.add_option("--max-queue", o.max_queue, "requests that wait; more get 503")
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
      .default_text(options->common.model);
  add_options(command, options->common, {OptionGroup::engine, OptionGroup::answers, OptionGroup::cache});
  add_server_options(command, *options);
  command.footer(
      "Example:\n  dsa serve smollm2 --port 8000\n"
      "  curl http://127.0.0.1:8000/v1/chat/completions -d "
      "'{\"messages\": [{\"role\": \"user\", \"content\": \"Hello!\"}]}'\n\n"
      "Each option is also a variable (DSA_SERVE_PORT) and a key of --config; what is typed "
      "goes first, then the variable.\nSIGTERM: what runs comes to its end, for --drain seconds.\n");
  return [options, command] {
    options->tables = take_settings(command, options->config);
    if (options->print_config) {
      fmt::print("{}", settings_as_toml(command, options->tables));
      return kDone;
    }
    if (options->models.empty()) options->models = {options->common.model};
    return serve_models(*options);
  };
}

}  // namespace dsa::cli
