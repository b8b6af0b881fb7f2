// The parts of `dsa eval`, one file each, and what they share.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/verb.h"
#include "eval/retrieval_tasks.h"
#include "model/sequence_pass.h"
#include "text/documents.h"

namespace dsa::cli {

Action declare_eval_perplexity(Command command);
Action declare_eval_sparsity(Command command);
Action declare_eval_retrieval(Command command);
Action declare_eval_budget(Command command);

/// Text to work on: `--text PATH...` and how much of it.
struct TextOptions {
  std::vector<std::string> paths;
  std::int64_t windows = 0;  // 0: all
  std::string chat_format;   // of conversations; "": the model's own
};
void add_text_options(Command command, TextOptions& options);

/// `--tasks TASK,...` of dsa eval retrieval; none: all of them.
void add_task_option(Command command, std::vector<std::string>& tasks);
bool is_asked(std::span<const std::string> tasks, RetrievalTask task);

/// --ctx, else the model's own context, at most kDefaultWindow.
std::int64_t window_tokens(const Options& options, std::int64_t model_context);

/// A loaded model and the contexts it is to be measured on.
struct ModelAndText {
  std::unique_ptr<LoadedModel> model;
  std::int64_t length = 0;  // tokens of a context
  std::vector<Document> documents;
  std::vector<Window> windows;
};
/// `topk`: what the model is loaded with, 0: as the options and the indexer say.  Throws Error.
ModelAndText load_with_text(OpenedModel opened, const Options& options, const TextOptions& text,
                            std::int64_t topk);

/// Throws Error, naming what wants one, if the model is opened without an indexer.
void require_indexer(const OpenedModel& opened, const Options& options, std::string_view what);

/// The folder that the indexer comes from, or "the model's own".
std::string indexer_name(const LoadedModel& model);

/// Which weights and which indexer: of a state, so that no other run goes on from it.
nlohmann::ordered_json model_identity(const LoadedModel& model);

/// Indented, with its newline; invalid UTF-8 replaced.
std::string json_line(const nlohmann::ordered_json& json);

}  // namespace dsa::cli
