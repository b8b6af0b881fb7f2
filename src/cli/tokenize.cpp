// dsa tokenize MODEL
#include <fmt/ranges.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/catalogue.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/verb.h"
#include "tokenizer/tokenizer.h"

namespace dsa::cli {
namespace {

std::string as_json(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
  nlohmann::ordered_json out{{"ids", ids}, {"pieces", nlohmann::ordered_json::array()}};
  for (const auto id : ids) out["pieces"].push_back(tokenizer.piece(id));
  // A piece may be half a character: U+FFFD in JSON.
  return json_text(out) + "\n";
}

}  // namespace

Action declare_tokenize(Command command) {
  auto options = std::make_shared<Options>();
  auto decode = std::make_shared<bool>(false);
  add_options(command, *options, {OptionGroup::model, OptionGroup::special, OptionGroup::json});
  command.add_flag("--decode", *decode, "token ids from stdin to text");
  command.footer(
      "Prints ids separated by commas, as `dsa logits --tokens` takes them.\n\nExample:\n"
      "  printf 'Hello world' | dsa tokenize smollm2\n"
      "  printf 'Hello world' | dsa tokenize smollm2 | dsa tokenize smollm2 --decode\n");
  return [options, decode] {
    const Tokenizer tokenizer = open_tokenizer(resolve_model(options->model));
    const std::string input = read_text("-");
    if (*decode) {
      print(tokenizer.decode(parse_token_list(input), /*skip_special=*/false));
      return kDone;
    }
    const auto ids =
        tokenizer.encode(input, options->special ? SpecialTokens::parse : SpecialTokens::as_text);
    print(options->json ? as_json(tokenizer, ids) : fmt::format("{}\n", fmt::join(ids, ",")));
    return kDone;
  };
}

}  // namespace dsa::cli
