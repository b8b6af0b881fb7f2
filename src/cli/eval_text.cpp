// What the parts of `dsa eval` share: text, a model, contexts.
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "checkpoint/fingerprint.h"
#include "checkpoint/indexer_folder.h"
#include "cli/catalogue.h"
#include "cli/checks.h"
#include "cli/eval.h"

namespace dsa::cli {

void add_text_options(Command command, TextOptions& options) {
  command
      .add_option("--text", options.paths,
                  "files, or folders of files; each file is one document, a *.chat.json a conversation "
                  "(repeatable)")
      .type_name("PATH...")
      .required();
  command.add_option("--windows", options.windows, "at most this many contexts, evenly spread (default: all)")
      .check(whole<std::int64_t>(1, std::numeric_limits<std::int32_t>::max()));
  add_chat_format(command, options.chat_format);
}

std::int64_t window_tokens(const Options& options, std::int64_t model_context) {
  return options.context > 0 ? options.context : std::min(model_context, kDefaultWindow);
}

ModelAndText load_with_text(OpenedModel opened, const Options& options, const TextOptions& text,
                            std::int64_t topk) {
  ModelAndText out;
  out.length = window_tokens(options, opened.files.config.max_position_embeddings);
  LoadOptions load = load_options(options);
  load.context = out.length;
  if (topk > 0) load.topk = topk;
  const Tokenizer tokenizer = fitting_tokenizer(opened.files);
  out.model = std::make_unique<LoadedModel>(std::move(opened), load);
  out.documents = read_documents(text.paths, tokenizer, out.model->config().architecture, text.chat_format);
  out.windows = evenly_chosen(cut_windows(out.documents, out.length), text.windows);
  return out;
}

void require_indexer(const OpenedModel& opened, const Options& options, std::string_view what) {
  if (opened.has_indexer()) return;
  fail("{}: {} needs an indexer, and this model has none{}: give --indexer DIR",
       printable(opened.files.path.string()), what,
       options.indexer == "none" ? " in use (--indexer none)" : "");
}

std::string indexer_name(const LoadedModel& model) {
  const auto folder = model.indexer_folder();
  return folder.empty() ? "the model's own" : folder.string();
}

nlohmann::ordered_json model_identity(const LoadedModel& model) {
  std::string indexer = indexer_name(model);
  if (const auto folder = model.indexer_folder(); !folder.empty()) {
    const MappedFile file(folder / kIndexerWeightsFile);
    Sha256 hash;
    hash.add(file.bytes());
    indexer = hash.hex();
  }
  return {{"model_fingerprint", fingerprint(*model.files().tensors, model.config())},
          {"weights_digest", weights_digest(*model.files().tensors)},
          {"indexer_sha256", indexer}};
}

std::string json_line(const nlohmann::ordered_json& json) { return json_text(json, 2) + "\n"; }

}  // namespace dsa::cli
