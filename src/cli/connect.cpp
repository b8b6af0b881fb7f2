// dsa connect claude|codex|aider|env: what a client needs to work with a server.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/present.h"
#include "base/who.h"
#include "cli/program.h"
#include "cli/server_client.h"
#include "cli/terminal.h"
#include "cli/verb.h"

namespace dsa::cli {
namespace {

using Json = nlohmann::ordered_json;

struct ConnectOptions {
  ServerOptions server;
  std::string model;  // "": the server's first
  std::string file;   // "": where the client looks
  bool write = false;
  bool force = false;
};

/// What a client is told.
struct Connection {
  std::string url;
  std::string key;  // "": none is asked for
  std::string model = {};
  std::int64_t context = 0;  // tokens
};

// Clients insist on a key, also where nobody asks for one.
std::string some_key(const Connection& c) { return c.key.empty() ? "none" : c.key; }

// A JSON string is one of TOML and of YAML too.
std::string quoted(const std::string& text) { return json_text(Json(text)); }

std::string shell_word(const std::string& text) {
  std::string out = "'";
  for (const char c : text) c == '\'' ? out += "'\\''" : out += c;
  return out + "'";
}

// What it reads must begin as it did before, or nothing of it is found in the cache: no header that changes
// with every request, no reminder of how many tokens are left, and its history is shortened once it nears the
// context, not at a length that it supposes.
std::string for_claude(const Connection& c) {
  Json env{{"ANTHROPIC_BASE_URL", c.url}, {"ANTHROPIC_AUTH_TOKEN", some_key(c)}};
  for (const auto* name :
       {"ANTHROPIC_MODEL", "ANTHROPIC_DEFAULT_OPUS_MODEL", "ANTHROPIC_DEFAULT_SONNET_MODEL",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL", "CLAUDE_CODE_SUBAGENT_MODEL"})
    env[name] = c.model;
  env["API_TIMEOUT_MS"] = "3600000";
  env["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] = "1";
  env["CLAUDE_CODE_ATTRIBUTION_HEADER"] = "0";
  env["CLAUDE_CODE_TOTAL_TOKENS_REMINDER"] = "off";
  env["CLAUDE_CODE_AUTO_COMPACT_WINDOW"] = std::to_string(c.context);
  return json_text(Json{{"env", std::move(env)}}, 2) + "\n";
}

std::string for_codex(const Connection& c) {
  std::string out = fmt::format(
      "model = {}\nmodel_provider = \"dsa\"\nmodel_context_window = {}\nweb_search = \"disabled\"\n\n"
      "[model_providers.dsa]\nname = \"dsa\"\nbase_url = {}\nwire_api = \"responses\"\n"
      "stream_idle_timeout_ms = 3600000\n",
      quoted(c.model), c.context, quoted(c.url + "/v1"));
  if (!c.key.empty()) out += "env_key = \"DSA_API_KEY\"\n";
  return out;
}

// A map of the repository that is made anew in between would change what stands before the conversation.
std::string for_aider(const Connection& c) {
  const std::string model = quoted("openai/" + c.model);
  return fmt::format(
      "model: {}\nweak-model: {}\neditor-model: {}\nopenai-api-base: {}\nopenai-api-key: {}\ntimeout: 3600\n"
      "cache-prompts: true\nmap-refresh: manual\nmax-chat-history-tokens: {}\nshow-model-warnings: false\n",
      model, model, model, quoted(c.url + "/v1"), quoted(some_key(c)), c.context / 2);
}

std::string for_env(const Connection& c) {
  std::string out;
  const auto add = [&](const char* name, const std::string& value) {
    out += fmt::format("export {}={}\n", name, shell_word(value));
  };
  add("OPENAI_BASE_URL", c.url + "/v1");
  add("OPENAI_API_BASE", c.url + "/v1");
  add("OPENAI_API_KEY", some_key(c));
  add("ANTHROPIC_BASE_URL", c.url);
  add("ANTHROPIC_AUTH_TOKEN", some_key(c));
  if (!c.key.empty()) add("DSA_API_KEY", c.key);
  return out;
}

struct Client {
  std::string_view name;
  std::string_view summary;
  std::string (*text)(const Connection& connection);
  std::string_view file;   // where it looks, below $HOME for "~/"; "": its text is for a shell
  std::string_view start;  // how it is started then
};
constexpr Client kClients[] = {
    {"claude", "Claude Code: its settings", for_claude, ".claude/settings.local.json", "claude"},
    {"codex", "Codex: a profile", for_codex, "~/.codex/dsa.config.toml", "codex --profile dsa"},
    {"aider", "aider: its configuration", for_aider, ".aider.conf.yml", "aider"},
    {"env", "everything on OpenAI's or Anthropic's libraries: variables for a shell", for_env, "", ""},
};

std::filesystem::path place_of(std::string_view file) {
  if (!file.starts_with("~/")) return file;
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') fail("HOME is not set: say where with --file");
  return std::filesystem::path(home) / file.substr(2);
}

Connection connection_of(const ConnectOptions& o) {
  Connection out{.url = o.server.url, .key = server_key(o.server)};
  while (out.url.ends_with('/')) out.url.pop_back();
  if (out.url.ends_with("/v1")) out.url.resize(out.url.size() - 3);
  ServerOptions server = o.server;
  server.url = out.url;
  const Json models = ask_server_for(server, "/v1/models");
  std::string names;
  for (const Json& model : models.value("data", Json::array())) {
    const std::string id = model.value("id", "");
    names += (names.empty() ? "" : ", ") + id;
    if (!o.model.empty() && id != o.model) continue;
    out.model = id;
    out.context = model.value("context_window", std::int64_t{0});
    return out;
  }
  fail("{}: there is no model \"{}\", expected {}", printable(out.url, 200), printable(o.model),
       printable(names));
}

// What was there is kept beside it.
void write_settings(const std::filesystem::path& path, const std::string& text, bool force) {
  if (present(path)) {
    if (!force)
      fail("{}: is there already: move it away, or type --force, which keeps it as .before-dsa", who(path));
    std::filesystem::path kept = path;
    kept += ".before-dsa";
    std::filesystem::rename(path, kept);
    fmt::print(stderr, "dsa: what was there is now {}\n", printable(kept.string()));
  }
  std::error_code none;  // what cannot be made cannot be written to
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), none);
  // It may hold a key: what replaces a file has its mode.
  if (const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600); fd >= 0) ::close(fd);
  write_file(path, text);
}

int connect(const Client& client, const ConnectOptions& o) {
  const std::string text = client.text(connection_of(o));
  if (client.file.empty()) {
    print(text);
    return kDone;
  }
  const std::filesystem::path path = o.file.empty() ? place_of(client.file) : std::filesystem::path(o.file);
  if (o.write) {
    write_settings(path, text, o.force);
    fmt::print(stderr, "dsa: wrote {}: start it with `{}`\n", printable(path.string()), client.start);
    return kDone;
  }
  print(text);
  fmt::print(stderr, "dsa: that is for {}: --write puts it there\n", printable(path.string()));
  return kDone;
}

template <int which>
Action declare_client(Command command) {
  static constexpr const Client& kClient = kClients[which];
  auto options = std::make_shared<ConnectOptions>();
  command.add_option("url", options->server.url, "the server: http://HOST:PORT")
      .type_name("URL")
      .show_default();
  add_server_key(command, options->server);
  command.add_option("--model", options->model, "one that the server offers (default: its first)")
      .type_name("NAME");
  if (!kClient.file.empty()) {
    command.add_option("--file", options->file, fmt::format("in place of {}", kClient.file))
        .type_name("FILE");
    command.add_flag("--write", options->write, "write it there; never over what is there already");
    command.add_flag("--force", options->force, "with --write: what is there is renamed first");
  }
  const std::string example = kClient.file.empty() ? "eval \"$(dsa connect env)\""
                                                   : fmt::format("dsa connect {} --write", kClient.name);
  command.footer(fmt::format("Example:\n  {}\n", example));
  return [options] { return connect(kClient, *options); };
}

constexpr Verb kParts[] = {{kClients[0].name, kClients[0].summary, declare_client<0>},
                           {kClients[1].name, kClients[1].summary, declare_client<1>},
                           {kClients[2].name, kClients[2].summary, declare_client<2>},
                           {kClients[3].name, kClients[3].summary, declare_client<3>}};

}  // namespace

Action declare_connect(Command command) {
  command.footer(
      "Asks the server what it offers, and prints what the client needs, with the switches that keep what it "
      "sends first as it was: only that is found in the cache.\n");
  return declare_parts(command, kParts);
}

}  // namespace dsa::cli
