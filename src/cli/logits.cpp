// dsa logits MODEL --tokens "1,2,3"|@FILE --out F.safetensors
#include <array>
#include <memory>

#include "base/checked.h"
#include "base/error.h"
#include "checkpoint/safetensors_write.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/verb.h"
#include "model/sequence_pass.h"

namespace dsa::cli {
namespace {

struct LogitsOptions {
  Options common;
  std::string tokens;
  std::string out;
};

int write_logits(const LogitsOptions& options) {
  const auto tokens = parse_token_list(options.tokens);
  if (tokens.empty()) fail("--tokens: there are none, expected at least one id");
  LoadedModel model(open(options.common), load_options(options.common));
  SequencePass pass(model);
  pass.check(tokens);
  const std::int64_t vocab = model.config().vocab_size;
  const auto n = static_cast<std::int64_t>(tokens.size());

  const std::vector<std::int64_t> ids(tokens.begin(), tokens.end());
  SafetensorsWriter out(options.out, std::array<TensorHead, 2>{
                                         {{"tokens", DType::i64, {n}}, {"logits", DType::f32, {n, vocab}}}});
  out.write(std::as_bytes(std::span(ids)));
  const CatchInterrupt interrupt;
  ProgressLine progress;
  const auto keep = [&](std::int64_t first, TensorView<const float, 2> rows) {
    for (std::int64_t r = 0; r < rows.rows(); ++r) out.write(std::as_bytes(rows.span(r)));
    progress.update(first + rows.rows(), n);
  };
  if (!pass.run(tokens, run_options(options.common), keep, /*progress=*/{}, interrupt.flag()))
    return kInterrupted;
  out.commit();
  return kDone;
}

}  // namespace

Action declare_logits(Command command) {
  auto options = std::make_shared<LogitsOptions>();
  add_options(command, options->common, {OptionGroup::model, OptionGroup::engine});
  command
      .add_option("--tokens", options->tokens,
                  "the ids, separated by commas or white space, or a file of them")
      .type_name("IDS|@FILE")
      .required();
  command.add_option("--out", options->out, "safetensors: tokens I64 [n], logits F32 [n, vocab]; - is stdout")
      .type_name("FILE")
      .required();
  command.footer(
      "Logits of every position, to compare with any other implementation.\n\nExample:\n"
      "  dsa logits smollm2 --compute f32 --tokens \"19556,905\" --out logits.safetensors\n");
  return [options] { return write_logits(*options); };
}

}  // namespace dsa::cli
