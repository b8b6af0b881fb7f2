// What the parts of `dsa eval` share: text, a model, contexts.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "cli/catalogue.h"
#include "cli/eval.h"
#include "cli/whole_number.h"

namespace dsa::cli {

void add_text_options(CLI::App& command, TextOptions& options) {
  command
      .add_option("--text", options.paths,
                  "files, or folders of files; each file is one document, a *.chat.json a conversation "
                  "(repeatable)")
      ->type_name("PATH...")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->required();
  command
      .add_option("--windows", options.windows, "at most this many contexts, evenly spread (default: all)")
      ->transform(whole<std::int64_t>(1, std::numeric_limits<std::int32_t>::max()));
}

std::int64_t window_tokens(const Options& options, std::int64_t model_context) {
  return options.context > 0 ? options.context : std::min(model_context, kDefaultWindow);
}

OpenedText open_with_text(const Options& options, const TextOptions& text, std::int64_t topk) {
  const auto path = resolve_model(options.model);
  OpenedText out;
  out.length = window_tokens(options, open_model(path).config.max_position_embeddings);
  ModelOptions engine = model_options(options);
  engine.context = out.length;
  if (topk > 0) engine.topk = topk;
  out.model = std::make_unique<LoadedModel>(path, engine);
  out.documents = read_documents(text.paths, out.model->tokenizer(), out.model->config().architecture);
  out.windows = spread(cut_windows(out.documents, out.length), text.windows);
  return out;
}

void require_indexer(const LoadedModel& model, std::string_view what) {
  if (model.topk() > 0) return;
  fail("{}: {} needs an indexer, and this model has none in use: give --indexer DIR",
       printable(model.files().path.string()), what);
}

std::string indexer_name(const LoadedModel& model) {
  const auto folder = model.indexer_folder();
  return folder.empty() ? "the model's own" : folder.string();
}

std::string json_line(const nlohmann::ordered_json& json) { return json_text(json, 2) + "\n"; }

}  // namespace dsa::cli
