#include "cli/conversation.h"

#include "base/error.h"
#include "cli/catalogue.h"
#include "grammar/grammar_compiler.h"

namespace dsa::cli {
namespace {

std::string today() {
  return chat_date(std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()));
}

}  // namespace

Conversation::Conversation(const Options& options, WithoutFormat without)
    : Conversation(open(options), options, without) {}

Conversation::Conversation(OpenedModel opened, const Options& options, WithoutFormat without)
    : options_(options),
      sampling_(sampling_params(options)),
      tokenizer_(fitting_tokenizer(opened.files)),
      model_(std::move(opened), answering_options(options)),
      run_(run_options(options)),
      prompt_(
          model_.files(), tokenizer_,
          {.raw = options.raw, .name = options.chat_format, .without = without, .context = model_.context()}),
      engine_(model_, tokenizer_,
              {.max_running = 1, .speculation = speculation(options), .disk = disk_cache(options)}) {
  engine_.check(run_);
  sampling_.validate(model_.config().vocab_size);
  warn_of_small_topk();
}

// Elsewhere --top-k is the sampler's, and 40 is usual.
void Conversation::warn_of_small_topk() const {
  constexpr std::int64_t kFarBelow = 8;
  const auto& indexer = model_.config().indexer;
  if (!indexer || options_.index_topk == 0 || options_.index_topk > indexer->topk / kFarBelow) return;
  fmt::print(stderr,
             "dsa: --top-k {} lets attention see {} tokens, where the indexer selects {}; "
             "the sampler's option is --sample-top-k\n",
             options_.index_topk, options_.index_topk, indexer->topk);
}

void Conversation::tell_dense_past(std::int64_t prompt) {
  const auto& indexer = model_.config().indexer;
  if (told_dense_ || !indexer || options_.attention != "auto" || indexer->trained_context == 0 ||
      prompt <= indexer->trained_context)
    return;
  told_dense_ = true;
  fmt::print(stderr,
             "dsa: attention is dense past {} tokens, which the indexer was trained for; "
             "--attention sparse selects there too\n",
             indexer->trained_context);
}

std::int64_t Conversation::tokens_of(std::string_view text) const {
  return static_cast<std::int64_t>(prompt_.encode_text(text).size());
}

ChatOptions Conversation::chat_options() const {
  return {.thinking = options_.thinking == "on"    ? Thinking::on
                      : options_.thinking == "off" ? Thinking::off
                                                   : Thinking::model_default,
          .date = today()};
}

std::vector<std::int32_t> Conversation::encode(std::span<const ChatMessage> messages) const {
  return prompt_.encode(messages, chat_options(),
                        options_.special ? SpecialTokens::parse : SpecialTokens::as_text);
}

void Conversation::set_run(const RunOptions& run) {
  engine_.check(run);
  run_ = run;
}

void Conversation::hold_to(const Structure& structure, std::span<const ChatMessage> messages) {
  GrammarCompiler compiler(tokenizer_, model_.config().vocab_size);
  grammar_ = compiler.compile(structure);
  if (prompt_.begins_in_reasoning(messages, chat_options()))
    thinking_ = {-1, tokenizer_.encode(prompt_.format()->reasoning()->end, SpecialTokens::parse)};
}

Answer Conversation::answer(std::span<const std::int32_t> prompt, const std::atomic<bool>& cancel,
                            const std::function<void(std::string_view)>& on_text) {
  tell_dense_past(static_cast<std::int64_t>(prompt.size()));
  ProgressLine progress;
  Request request{.prompt = {prompt.begin(), prompt.end()}, .sampling = sampling_};
  request.max_tokens = options_.max_tokens;
  request.stop_tokens = prompt_.stop_ids();
  request.stop_strings = options_.stop;
  request.show_special = options_.special;
  request.stop_repetition = options_.stop_repetition;
  request.run = run_;
  request.grammar = grammar_;
  request.thinking = thinking_;
  Answer answer =
      ask(engine_, std::move(request),
          {.on_reading = [&](std::int64_t done, std::int64_t total) { progress.update(done, total); },
           .on_text =
               [&](std::string_view text) {
                 progress.clear();
                 if (on_text) on_text(text);
               }},
          cancel);
  answer.timings.load_ms = model_.load_time().count();
  attention_ += answer.attention;
  return answer;
}

ChatMessage Conversation::as_message(const std::string& answer, std::span<const ChatMessage> asked) const {
  return prompt_.as_message(answer, asked, chat_options());
}

std::string about_document(std::string_view document, std::string_view question) {
  return fmt::format("{}\n\n{}", document, question);
}

std::vector<ChatMessage> opening_messages(const Options& options) {
  if (!options.system) return {};
  return {{.role = Role::system, .content = *options.system}};
}

std::string first_message(const Options& options) {
  if (options.file.empty()) return options.prompt;
  const std::string document = read_text(options.file);
  return options.prompt.empty() ? document : about_document(document, options.prompt);
}

nlohmann::ordered_json to_json(const Timings& t) {
  return {{"load_ms", t.load_ms},
          {"prompt_tokens", t.prompt_tokens},
          {"cached_tokens", t.cached_tokens},
          {"prefill_ms", t.prefill_ms},
          {"prefill_tok_s", t.prefill_tok_s()},
          {"ttft_ms", t.ttft_ms},
          {"completion_tokens", t.completion_tokens},
          {"drafted_tokens", t.drafted_tokens},
          {"accepted_tokens", t.accepted_tokens},
          {"mtp_drafted_tokens", t.mtp_drafted_tokens},
          {"mtp_accepted_tokens", t.mtp_accepted_tokens},
          {"decode_ms", t.decode_ms},
          {"decode_tok_s", t.decode_tok_s()},
          {"tpot_ms", t.tpot_ms()},
          {"peak_rss_bytes", t.peak_rss_bytes}};
}

std::string to_text(const Timings& t) {
  const std::string cached =
      t.cached_tokens > 0 ? fmt::format(" ({} still in the cache)", t.cached_tokens) : "";
  const std::string guessed =
      t.drafted_tokens > 0 ? fmt::format(" ({} of {} guesses held)", t.accepted_tokens, t.drafted_tokens)
                           : "";
  return fmt::format(
      "prompt {} tokens{}, {:.0f} tok/s; answer {} tokens{}, {:.1f} tok/s; first token after {:.0f} ms",
      t.prompt_tokens, cached, t.prefill_tok_s(), t.completion_tokens, guessed, t.decode_tok_s(), t.ttft_ms);
}

}  // namespace dsa::cli
