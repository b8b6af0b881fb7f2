// serve_script SCRIPT PORT [DRAIN_SECONDS [LEDGER]]: the server over an engine that plays a script, for tests
// by clients; with a ledger it asks for keys, and bills by the announcement's prices.  Structures are
// compiled, and the script knows nothing of them.
// Writes where it listens to stderr, as `dsa serve` does.
#include <fmt/core.h>

#include <charconv>
#include <cstring>
#include <memory>

#include "accounts/open_ledger.h"
#include "grammar/grammar_compiler.h"
#include "server/serve.h"
#include "testing/served_model.h"

namespace {

int number(const char* text) {
  int value = 0;
  std::from_chars(text, text + std::strlen(text), value);
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  try {
    std::unique_ptr<dsa::accounts::SqlAccounts> ledger;
    std::unique_ptr<dsa::accounts::Caretaker> caretaker;
    std::unique_ptr<dsa::server::Gate> gate;
    if (argc > 4) {
      ledger = dsa::accounts::open_ledger(argv[4]);
      ledger->serve(dsa::accounts::now());
      caretaker = std::make_unique<dsa::accounts::Caretaker>(*ledger, std::chrono::milliseconds(300));
      gate = std::make_unique<dsa::server::Gate>(*ledger, dsa::accounts::PriceBook(), /*share_cache=*/false);
    }
    dsa::test::ScriptedModel model(dsa::test::read_script(argv[1]));
    dsa::GrammarCompiler grammars(model.tokenizer, model.served.vocab_size);
    model.served.grammars = &grammars;
    dsa::server::ServeSettings settings;
    settings.http.port = static_cast<std::uint16_t>(number(argv[2]));
    settings.http.keep_alive_every = std::chrono::milliseconds(200);
    settings.api.gate = gate.get();
    settings.drain = std::chrono::seconds(argc > 3 ? number(argv[3]) : 5);
    settings.on_ready = [](const std::string& addresses) {
      fmt::print(stderr, "dsa: serving at {}", addresses);
    };
    dsa::server::ModelPool models(std::span(&model.served, 1));
    const auto end = dsa::server::serve(models, settings);
    if (end == dsa::server::ServeEnd::abandoned) std::_Exit(130);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "serve_script: {}\n", error.what());
    return 1;
  }
}
