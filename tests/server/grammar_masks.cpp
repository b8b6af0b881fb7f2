// grammar_masks MODEL: which tokens a JSON schema permits, for a judge that compares them.
// A line in: {"schema": TEXT, "text": TEXT} or {"schema": TEXT, "tokens": [ids]}.
// A line out: {"refused": why}, or "plain", the schema as it is compiled; "tokens"; and "masks" and
// "complete", before each token and behind the last: the words of a mask as 8 digits each, lowest id first.
// It ends at a token that is not permitted.
#include <fmt/core.h>

#include <iostream>
#include <string>

#include "base/json.h"
#include "grammar/grammar_compiler.h"
#include "grammar/schema_subset.h"

namespace {

using nlohmann::json;

json steps_of(const dsa::Grammar& grammar, const std::vector<std::int32_t>& tokens, std::int32_t vocabulary) {
  json masks = json::array(), complete = json::array();
  std::vector<std::uint32_t> bits(static_cast<std::size_t>(vocabulary + 31) / 32);
  const auto state = grammar.start();
  for (std::size_t i = 0; i <= tokens.size(); ++i) {
    state->mask(bits);
    std::string words;
    for (const std::uint32_t word : bits) words += fmt::format("{:08x}", word);
    masks.push_back(words);
    complete.push_back(state->complete());
    if (i == tokens.size() || !state->accept(tokens[i])) break;
  }
  return {{"tokens", tokens}, {"masks", std::move(masks)}, {"complete", std::move(complete)}};
}

json answer(const std::string& line, const dsa::Tokenizer& tokenizer, dsa::GrammarCompiler& compiler) {
  const json asked = dsa::parse_json(line, "the line");
  const std::string schema = asked.at("schema");
  try {
    const auto grammar = compiler.compile({dsa::StructureKind::json_schema, schema});
    const auto tokens = asked.contains("text") ? tokenizer.encode(asked.at("text").get<std::string>(),
                                                                  dsa::SpecialTokens::as_text)
                                               : asked.at("tokens").get<std::vector<std::int32_t>>();
    json out = steps_of(*grammar, tokens, tokenizer.vocab_size());
    out["plain"] = dsa::plain_schema(schema);
    return out;
  } catch (const dsa::StructureError& error) {
    return {{"refused", error.what()}};
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    const dsa::Tokenizer tokenizer = dsa::open_tokenizer(argv[1]);
    dsa::GrammarCompiler compiler(tokenizer, tokenizer.vocab_size());
    for (std::string line; std::getline(std::cin, line);)
      std::cout << answer(line, tokenizer, compiler).dump() << std::endl;
  } catch (const std::exception& error) {
    fmt::print(stderr, "grammar_masks: {}\n", error.what());
    return 1;
  }
  return 0;
}
