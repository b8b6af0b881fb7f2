// dsa run MODEL --prompt TEXT | --file F
#include <memory>

#include "base/error.h"
#include "base/json.h"
#include "cli/conversation.h"
#include "cli/verb.h"

namespace dsa::cli {
namespace {

std::string as_json(const Answer& result, std::span<const std::int32_t> prompt) {
  nlohmann::ordered_json out{{"text", result.text},
                             {"prompt_token_ids", prompt},
                             {"token_ids", result.tokens},
                             {"finish_reason", name(result.finish_reason)}};
  if (!result.error.empty()) out["error"] = result.error;
  const auto& t = result.timings;
  out["usage"] = {{"prompt_tokens", t.prompt_tokens},
                  {"completion_tokens", t.completion_tokens},
                  {"total_tokens", t.prompt_tokens + t.completion_tokens}};
  out["timings"] = to_json(t);
  return json_text(out) + "\n";
}

// What the answer is to look like; nothing: anything.
std::optional<Structure> structure_of(const Options& o) {
  if (!o.json_schema.empty()) return Structure{StructureKind::json_schema, read_text(o.json_schema)};
  if (!o.grammar.empty()) return Structure{StructureKind::ebnf, read_text(o.grammar)};
  if (!o.regex.empty()) return Structure{StructureKind::regex, o.regex};
  return std::nullopt;
}

void add_structure(Command command, Options& o) {
  const auto schema =
      command.add_option("--json-schema", o.json_schema, "the answer is JSON that this schema admits")
          .type_name("FILE");
  const auto grammar =
      command.add_option("--grammar", o.grammar, "the answer is a text of this grammar, in GBNF or EBNF")
          .type_name("FILE");
  command.add_option("--regex", o.regex, "the whole answer matches this expression")
      .type_name("REGEX")
      .excludes(schema)
      .excludes(grammar);
  command.option("--json-schema").excludes(grammar);
}

int run(const Options& options) {
  Conversation conversation(options, WithoutFormat::complete);
  if (!conversation.has_format() && !options.raw)
    fmt::print(stderr,
               "dsa: the model has no chat template: the text is continued as it stands, as with --raw "
               "(--chat-format names one)\n");
  auto messages = opening_messages(options);
  messages.push_back({.role = Role::user, .content = first_message(options)});
  const auto prompt = conversation.encode(messages);
  if (const auto structure = structure_of(options)) conversation.hold_to(*structure, messages);

  const CatchInterrupt interrupt;
  const auto result = conversation.answer(prompt, interrupt.flag(), options.json ? nullptr : print);
  print(options.json ? as_json(result, prompt) : "\n");
  switch (result.finish_reason) {
    case FinishReason::failed:
      fail("{}", result.error);
    case FinishReason::cancelled:
      return kInterrupted;
    case FinishReason::length:
      if (!options.json)
        fmt::print(stderr, "dsa: the answer was cut after {} tokens: see --max-tokens and --ctx\n",
                   result.tokens.size());
      return kDone;
    case FinishReason::repetition:
      if (!options.json)
        fmt::print(stderr, "dsa: the answer repeated itself and was ended: see --no-stop-repetition\n");
      return kDone;
    case FinishReason::stop:
      return kDone;
  }
  return kDone;
}

}  // namespace

Action declare_run(Command command) {
  auto options = std::make_shared<Options>();
  add_options(command, *options,
              {OptionGroup::model, OptionGroup::prompt, OptionGroup::sampling, OptionGroup::engine,
               OptionGroup::answers, OptionGroup::cache, OptionGroup::json});
  add_structure(command, *options);
  command.footer(
      "Example:\n  dsa run smollm2 --prompt \"What is a sparse matrix?\"\n"
      "  dsa run smollm2 --raw --temperature 0 --max-tokens 20 --json --prompt \"Once upon a time\"\n");
  return [options, command] {
    if (!command.was_typed("--prompt") && !command.was_typed("--file"))
      throw UsageError("--prompt TEXT or --file FILE is required");
    return run(*options);
  };
}

}  // namespace dsa::cli
