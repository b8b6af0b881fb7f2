// Bodies of the three APIs, by every family's words, as far as the prompt: refused with an error that names
// a field, or a prompt of the vocabulary's tokens, the same each time, in which what a text spells is no
// control token.  The first byte says which API and family.
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "chat/chat_format.h"
#include "server/anthropic.h"
#include "server/request_fields.h"
#include "server/responses.h"
#include "testing/chat_tokenizer.h"

namespace {

using namespace dsa;
using namespace dsa::server;
using Prompt = std::vector<std::int32_t>;

constexpr std::array kControl{"<|begin_of_text|>",
                              "<|end_of_text|>",
                              "<|start_header_id|>",
                              "<|end_header_id|>",
                              "<|eot_id|>",
                              "<|eom_id|>",
                              "<|python_tag|>",
                              "<｜begin▁of▁sentence｜>",
                              "<｜end▁of▁sentence｜>",
                              "<｜User｜>",
                              "<｜Assistant｜>",
                              "<｜tool▁calls▁begin｜>",
                              "<｜tool▁calls▁end｜>",
                              "<｜tool▁call▁begin｜>",
                              "<｜tool▁call▁end｜>",
                              "<｜tool▁sep｜>",
                              "<｜tool▁outputs▁begin｜>",
                              "<｜tool▁outputs▁end｜>",
                              "<｜tool▁output▁begin｜>",
                              "<｜tool▁output▁end｜>",
                              "[gMASK]",
                              "<sop>",
                              "<|system|>",
                              "<|user|>",
                              "<|assistant|>",
                              "<|observation|>",
                              "<think>",
                              "</think>"};

// Asked nothing.
struct NoEngine final : Engine {
  Handle submit(Request, EventSink) override { fail("nothing is to be asked"); }
  [[nodiscard]] EngineStatus status() const override { return {}; }
  void drain(std::chrono::milliseconds) override {}
};

Tokenizer tokenizer_of_all() {
  TokenizerSpec spec = test::chat_tokenizer_spec();
  for (const char* text : kControl)
    spec.added.push_back({.id = static_cast<std::int32_t>(spec.tokens.size() + spec.added.size()),
                          .text = text,
                          .special = true});
  return Tokenizer(std::move(spec));
}

struct Served {
  explicit Served(const std::string& family)
      : prompt(Architecture::llama, tokenizer(), {}, {.name = family}),
        model{.id = family,
              .engine = engine,
              .tokenizer = tokenizer(),
              .prompt = prompt,
              .context = 1 << 20,
              .vocab_size = tokenizer().vocab_size(),
              .topk = 64} {}
  static const Tokenizer& tokenizer() {
    static const Tokenizer one = tokenizer_of_all();
    return one;
  }
  NoEngine engine;
  ChatPrompt prompt;
  ServedModel model;
};

const Served& served(std::size_t which) {
  static const auto all = [] {
    std::vector<std::unique_ptr<Served>> out;
    for (const std::string& name : ChatFormat::names()) out.push_back(std::make_unique<Served>(name));
    return out;
  }();
  return *all[which % all.size()];
}

// Nothing: it was refused.
Prompt prompt_of(std::size_t api, const ServedModel& model, const std::string& text) {
  try {
    const nlohmann::json body = parse_body(text);
    const Fields fields(body);
    Plan plan;
    if (api == 0) plan = read_chat(fields, model, text).plan;
    if (api == 1) {
      plan = read_messages(fields, model, /*counting=*/false, text).chat.plan;
      const auto counted = read_messages(fields, model, /*counting=*/true, text).chat.plan;
      DSA_CHECK(counted.requests.at(0).prompt == plan.requests.at(0).prompt);
    }
    if (api == 2) plan = read_responses(fields, model, text).chat.plan;
    return plan.requests.at(0).prompt;
  } catch (const ApiError& error) {
    DSA_CHECK(error.status() >= 400 && error.status() < 500);
    DSA_CHECK(std::string_view(error.what()).size() < 4000);
    return {};
  }
}

std::int64_t controls(const Prompt& prompt, const Tokenizer& tokenizer) {
  return std::ranges::count_if(prompt, [&](std::int32_t id) { return tokenizer.is_special(id); });
}

// The same body, but that no text of it spells a control token with a bar.
std::string without_bars(std::string_view text) {
  constexpr std::string_view kWide = "｜";
  std::string out;
  while (!text.empty()) {
    const bool wide = text.starts_with(kWide);
    out.push_back(wide || text.front() == '|' ? '!' : text.front());
    text.remove_prefix(wide ? kWide.size() : 1);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ServedModel& model = served(data[0] / 3).model;
  const std::size_t api = data[0] % 3;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Prompt prompt = prompt_of(api, model, text);
  DSA_CHECK(prompt == prompt_of(api, model, text));
  for (const auto id : prompt) DSA_CHECK(id >= 0 && id < model.vocab_size);
  const Prompt plain = prompt_of(api, model, without_bars(text));
  // One of the two may be refused: a schema's expression has bars too.
  if (!prompt.empty() && !plain.empty())
    DSA_CHECK(controls(prompt, model.tokenizer) == controls(plain, model.tokenizer));
  return 0;
}
