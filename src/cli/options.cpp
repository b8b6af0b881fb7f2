#include "cli/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <type_traits>

#include "base/env.h"
#include "base/error.h"
#include "chat/chat_format.h"
#include "cli/catalogue.h"
#include "cli/checks.h"

namespace dsa::cli {

const SamplingParams Options::kDefaultSampling{.temperature = 0.2, .top_p = 0.9};

namespace {

constexpr auto kMaxInt = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kMaxChunk = 1 << 24;

// A number within the range that SamplingParams::validate() checks.
template <class T>
void add_sampling(Command command, const char* flag, T& value, const char* help) {
  std::string key = std::string(flag).substr(2);
  std::replace(key.begin(), key.end(), '-', '_');
  if (key == "sample_top_k") key = "top_k";
  const auto ranges = sampling_ranges();
  const auto range = std::find_if(ranges.begin(), ranges.end(), [&](const auto& r) { return r.name == key; });
  DSA_CHECK(range != ranges.end());
  Option option = command.add_option(flag, value, fmt::format("{} ({})", help, range->hint))
                      .check(within(range->min, range->max))
                      .show_default();
  if constexpr (std::is_integral_v<T>) option.check({.complaint = whole<T>().complaint, .description = ""});
}

void add_model(Command command, Options& o) {
  command.add_option("model", o.model, "a folder with config.json and safetensors, a .gguf file, or smollm2")
      .type_name("MODEL")
      .show_default();
}

void add_engine(Command command, Options& o) {
  command
      .add_option(
          "--attention", o.attention,
          "dense: attend to every token; sparse: to the indexer's selection; "
          "auto: sparse where the model has an indexer and the context exceeds top-k, dense again past "
          "the context that the indexer was trained for")
      .check(one_of({"auto", "dense", "sparse"}))
      .show_default();
  command
      .add_option("--top-k", o.index_topk,
                  "tokens the indexer selects, the mean over the layers (default: the model's index_topk)")
      .check(whole<std::int64_t>(1, kMaxInt));
  command
      .add_option("--top-k-layers", o.index_topk_layers,
                  "one number for each layer, comma-separated, or one for all; --top-k is divided so "
                  "(default: as the indexer's index_topk)")
      .type_name("N,N,...")
      .comma_separated()
      .check(whole<std::int64_t>(1, kMaxInt));
  command
      .add_option("--indexer", o.indexer,
                  "a folder with an indexer for this model, or none for dense attention "
                  "(default: the model's own, or one that comes with dsa)")
      .type_name("DIR|none");
  command
      .add_option(
          "--index-keys", o.index_keys,
          "how the cache keeps what the indexer scores; int8: half the bytes, long contexts are faster, "
          "of 100 selected tokens one is another")
      .check(one_of({"bf16", "int8"}))
      .show_default();
  command.add_flag("--force-indexer", o.force_indexer, "take an indexer that was trained for another model");
  command
      .add_option("--compute", o.compute,
                  "f32: float32 everywhere; auto: rounds as docs/numerics.md lists; "
                  "demo: also what DeepSeek's demo rounds to FP8")
      .check(one_of({"auto", "f32", "demo"}))
      .show_default();
  command
      .add_option("--threads", o.threads, "threads to compute with (default: DSA_THREADS, else every core)")
      .check(whole(1, 4096));
  command.add_option("--ctx", o.context, "tokens the context holds (default: all the model knows)")
      .check(whole<std::int64_t>(1, kMaxInt));
  command
      .add_option("--chunk", o.chunk,
                  "most tokens of one forward pass: fewer take less memory, more read a prompt faster "
                  "(default: chosen by size, as inspect says)")
      .check(whole<std::int64_t>(1, kMaxChunk));
}

void add_sampling_options(Command command, Options& o) {
  add_sampling(command, "--temperature", o.sampling.temperature, "how bold the choice of tokens is");
  add_sampling(command, "--top-p", o.sampling.top_p,
               "choose among the best tokens that reach this probability");
  add_sampling(command, "--sample-top-k", o.sampling.top_k, "choose among this many best tokens");
  add_sampling(command, "--min-p", o.sampling.min_p,
               "drop tokens below this share of the best one's probability");
  add_sampling(command, "--repetition-penalty", o.sampling.repetition_penalty,
               "against tokens that occurred");
  add_sampling(command, "--presence-penalty", o.sampling.presence_penalty, "against tokens of the answer");
  add_sampling(command, "--frequency-penalty", o.sampling.frequency_penalty,
               "the same, for each time they occurred");
  command.add_option("--logit-bias", o.logit_bias, "add BIAS to a token's logit, -inf bans it (repeatable)")
      .type_name("ID:BIAS");
  add_seed(command, o.sampling.seed);
  command
      .add_option("--max-tokens", o.max_tokens,
                  "longest answer in tokens, which is said where it is cut; -1: until the context is full")
      .check(whole<std::int64_t>(-1, kMaxInt))
      .show_default();
  command.add_option("--stop", o.stop, "end the answer before this text (repeatable)").type_name("TEXT");
  command.add_flag("--stop-repetition,!--no-stop-repetition", o.stop_repetition,
                   "end an answer that writes the same stretch over and over (default: on)");
}

void add_answers(Command command, Options& o) {
  command
      .add_option("--speculation", o.speculation,
                  "guess tokens where that is faster; the answer is the same, bit for bit; ngram: from what "
                  "prompt and answer said before; mtp: by the model's own layer for it; auto: both; off: one "
                  "token at a time")
      .check(one_of({"auto", "ngram", "mtp", "off"}))
      .show_default();
}

void add_cache(Command command, Options& o) {
  command
      .add_option("--disk-cache", o.disk_cache_mib,
                  "most MiB under $DSA_HOME/cache, where the next run finds what this one has read; 0: none "
                  "(default: DSA_DISK_CACHE, else 4096 or a tenth of the free disk)")
      .type_name("MIB")
      .check(whole<std::int64_t>(0, kMaxInt));
}

void add_special(Command command, Options& o) {
  command.add_flag("--special", o.special, "text that spells a control token means that token");
}

void add_prompt(Command command, Options& o) {
  command.add_option("-p,--prompt", o.prompt, "the question").type_name("TEXT");
  command
      .add_option("--file", o.file,
                  "a document: the prompt itself or, with --prompt, what the question is about; - is stdin")
      .type_name("FILE");
  command
      .add_option("--system", o.system,
                  "the system message, in place of the model's own; \"\" is an empty one")
      .type_name("TEXT");
  add_chat_format(command, o.chat_format);
  const auto thinking = command
                            .add_option("--thinking", o.thinking,
                                        "whether the model thinks first, where its chat format can say so; "
                                        "auto: as the format does by itself")
                            .check(one_of({"auto", "on", "off"}))
                            .show_default();
  command.add_flag("--think{on}", o.thinking, "the same as --thinking on").excludes(thinking);
  command.add_flag("--raw", o.raw, "no chat format: continue the text as it stands");
  add_special(command, o);
}

void add_json(Command command, Options& o) {
  command.add_flag("--json", o.json, "one JSON object on stdout");
}

struct GroupRow {
  OptionGroup group;
  void (*add)(Command, Options&);
};
constexpr std::array<GroupRow, 8> kGroups{{
    {OptionGroup::model, add_model},
    {OptionGroup::engine, add_engine},
    {OptionGroup::sampling, add_sampling_options},
    {OptionGroup::prompt, add_prompt},
    {OptionGroup::answers, add_answers},
    {OptionGroup::cache, add_cache},
    {OptionGroup::special, add_special},
    {OptionGroup::json, add_json},
}};

LogitBias parse_bias(std::string_view text) {
  const auto colon = text.find(':');
  LogitBias result;
  const auto id = text.substr(0, colon);
  const auto bias = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  const auto id_end = std::from_chars(id.data(), id.data() + id.size(), result.id);
  const auto bias_end = std::from_chars(bias.data(), bias.data() + bias.size(), result.bias);
  if (id_end.ec != std::errc{} || id_end.ptr != id.data() + id.size() || bias_end.ec != std::errc{} ||
      bias_end.ptr != bias.data() + bias.size())
    fail("--logit-bias: \"{}\" is not ID:BIAS, as in 42:-1.5 or 42:-inf", printable(text));
  return result;
}

}  // namespace

void add_options(Command command, Options& options, std::initializer_list<OptionGroup> groups) {
  for (const auto group : groups)
    std::find_if(kGroups.begin(), kGroups.end(), [&](const GroupRow& row) {
      return row.group == group;
    })->add(command, options);
}

void add_seed(Command command, std::optional<std::uint64_t>& seed) {
  const auto take = [&seed](const std::string& text) {
    seed = parse_whole<std::uint64_t>(text);
    if (!seed && parse_whole<std::int64_t>(text) != -1)
      throw UsageError(fmt::format("--seed: {} is not a whole number from -1 to {}", text,
                                   std::numeric_limits<std::uint64_t>::max()));
  };
  command
      .add_option_function(
          "--seed", take, "the same seed gives the same answer (default, and -1: a different one every time)")
      .type_name("N");
}

void add_chat_format(Command command, std::string& format) {
  command
      .add_option("--chat-format", format, "how the model is talked to (default: as its chat template says)")
      .check(one_of(ChatFormat::names()));
}

LoadOptions load_options(const Options& o) {
  LoadOptions m;
  m.compute = o.compute == "f32" ? Compute::f32 : o.compute == "demo" ? Compute::demo : Compute::automatic;
  m.topk = o.index_topk;
  m.topk_layers = o.index_topk_layers;
  m.context = o.context;
  m.chunk = o.chunk;
  m.threads = o.threads;
  m.use_indexer = o.indexer != "none";
  if (m.use_indexer && !o.indexer.empty()) m.indexer = o.indexer;
  m.int8_keys = o.index_keys == "int8";
  m.force_indexer = o.force_indexer;
  m.indexer_folders = shipped_models();
  return m;
}

std::optional<DiskCache> disk_cache(const Options& o) {
  const std::int64_t mib =
      o.disk_cache_mib >= 0 ? o.disk_cache_mib : env_int("DSA_DISK_CACHE", 0, kMaxInt).value_or(-1);
  if (mib == 0) return std::nullopt;
  return DiskCache{.folder = default_cache_folder(), .bytes = mib > 0 ? mib << 20 : 0, .model = o.model};
}

LoadOptions answering_options(const Options& o) {
  LoadOptions m = load_options(o);
  const Speculation asked = speculation(o);
  m.mtp = asked == Speculation::mtp         ? LoadMtp::yes
          : asked == Speculation::automatic ? LoadMtp::if_whole
                                            : LoadMtp::no;
  return m;
}

RunOptions run_options(const Options& o) {
  return {.attention = o.attention == "dense"    ? AttentionMode::dense
                       : o.attention == "sparse" ? AttentionMode::sparse
                                                 : AttentionMode::automatic};
}

Speculation speculation(const Options& o) {
  return o.speculation == "off"     ? Speculation::off
         : o.speculation == "ngram" ? Speculation::ngram
         : o.speculation == "mtp"   ? Speculation::mtp
                                    : Speculation::automatic;
}

OpenedModel open(const Options& options) {
  OpenedModel opened = with_indexer(open_model(resolve_model(options.model)), load_options(options));
  check_run(run_options(options), opened.files.config);
  return opened;
}

SamplingParams sampling_params(const Options& o) {
  SamplingParams p = o.sampling;
  for (const auto& text : o.logit_bias) p.logit_bias.push_back(parse_bias(text));
  return p;
}

std::vector<std::int32_t> parse_token_list(std::string_view text) {
  std::string from_file;
  if (!text.empty() && text[0] == '@') {
    from_file = read_text(std::string(text.substr(1)));
    text = from_file;
  }
  constexpr std::string_view kSeparators = ", \t\r\n";
  std::vector<std::int32_t> ids;
  while (!text.empty()) {
    const auto begin = text.find_first_not_of(kSeparators);
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const auto word = text.substr(0, text.find_first_of(kSeparators));
    std::int32_t id = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc{} || end != word.data() + word.size() || id < 0)
      fail("token ids: \"{}\" is not a whole number from 0 to {}", printable(word, 40), kMaxInt);
    ids.push_back(id);
    text.remove_prefix(word.size());
  }
  return ids;
}

std::string read_text(const std::string& path) {
  constexpr std::size_t kMaxBytes = std::size_t{1} << 30;
  struct Closer {
    void operator()(std::FILE* f) const {
      if (f != stdin) std::fclose(f);
    }
  };
  const std::unique_ptr<std::FILE, Closer> in(path == "-" ? stdin : std::fopen(path.c_str(), "rb"));
  const std::string who = path == "-" ? "stdin" : printable(path);
  if (!in) fail("{}: {}", who, std::generic_category().message(errno));
  std::string text;
  std::array<char, 1 << 16> block;
  while (const std::size_t n = std::fread(block.data(), 1, block.size(), in.get())) {
    text.append(block.data(), n);
    if (text.size() > kMaxBytes) fail("{}: more than {} bytes of text, expected less", who, kMaxBytes);
  }
  if (std::ferror(in.get()) != 0) fail("{}: {}", who, std::generic_category().message(errno));
  return text;
}

}  // namespace dsa::cli
