// The options that mean the same for every verb (docs/interfaces.md).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "engine/model_engine.h"
#include "model/opened_model.h"
#include "sampling/sampling_params.h"

namespace dsa::cli {

/// What was typed, checked for form; the conversions below give it meaning.
struct Options {
  std::string model = "smollm2";

  std::string attention = "auto";
  std::int64_t index_topk = 0;
  std::vector<std::int64_t> index_topk_layers;
  std::string indexer;
  std::string index_keys = "bf16";
  bool force_indexer = false;
  std::string compute = "auto";
  int threads = 0;
  std::int64_t context = 0;
  std::int64_t chunk = 0;

  SamplingParams sampling = kDefaultSampling;
  std::vector<std::string> logit_bias;  // "ID:BIAS"
  std::int64_t max_tokens = 1024;
  std::vector<std::string> stop;
  bool stop_repetition = true;

  std::string prompt;
  std::string file;
  std::optional<std::string> system;  // "" is a system message too
  std::string chat_format;            // "": the model's own
  std::string thinking = "auto";
  bool raw = false;
  std::string json_schema;  // files
  std::string grammar;
  std::string regex;
  bool special = false;

  std::int64_t disk_cache_mib = -1;  // -1: DSA_DISK_CACHE, else what suits
  std::string speculation = "auto";

  bool json = false;

  /// Small models wander at temperature 1; --temperature 0 is greedy.
  static const SamplingParams kDefaultSampling;
};

enum class OptionGroup : std::uint8_t {
  model,     // MODEL
  engine,    // how the model runs
  sampling,  // how tokens are chosen
  prompt,    // --prompt, --file, --system, how the model is talked to
  answers,   // how they are written faster
  cache,     // what is kept for the next run
  special,   // --special alone
  json,
};

/// Adds the groups' options to a subcommand; `options` must live until the parse is over.
void add_options(Command command, Options& options, std::initializer_list<OptionGroup> groups);

/// --seed, where -1 means a different one every time, as leaving it out does.
void add_seed(Command command, std::optional<std::uint64_t>& seed);

/// --chat-format NAME, for verbs without OptionGroup::prompt.
void add_chat_format(Command command, std::string& format);

LoadOptions load_options(const Options& options);
/// Of a model that answers, with what that may be faster by.
LoadOptions answering_options(const Options& options);
RunOptions run_options(const Options& options);
Speculation speculation(const Options& options);
/// Nothing: no pages are kept on disk.  Throws Error.
std::optional<DiskCache> disk_cache(const Options& options);

/// The model of the options with the indexer that it is to be run with: its own, a given or a shipped one.
/// Throws Error, also if the model cannot be run as the options say.
OpenedModel open(const Options& options);
SamplingParams sampling_params(const Options& options);

/// "1,2,3" or, for "@FILE", what FILE holds; commas, white space and newlines separate.  Throws Error.
std::vector<std::int32_t> parse_token_list(std::string_view text);

/// A whole file, or stdin for "-"; Error if it is not readable or beyond 1 GiB.
std::string read_text(const std::string& path);

}  // namespace dsa::cli
