#include "cli/conversation.h"

#include <algorithm>

#include "base/error.h"
#include "cli/catalogue.h"

namespace dsa::cli {
namespace {

std::string today() {
  return chat_date(std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()));
}

void add_missing(std::vector<std::int32_t>& ids, std::span<const std::int32_t> more) {
  for (const auto id : more)
    if (std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
}

}  // namespace

Conversation::Conversation(const Options& options, WithoutFormat without)
    : options_(options),
      sampling_(sampling_params(options)),
      session_(open_model(resolve_model(options.model)), model_options(options)) {
  const Tokenizer& tokenizer = session_.tokenizer();
  const ModelConfig& config = session_.files().config;
  sampling_.validate(config.vocab_size);
  // DeepSeek-V3.2 has a chat format and no template.
  const bool has_format = tokenizer.chat_template() || config.architecture == Architecture::deepseek_v32;
  if (!options_.raw && (has_format || without == WithoutFormat::refuse))
    format_ = ChatFormat::find(tokenizer.chat_template(), config.architecture);
  stop_tokens_ = stop_tokens(session_, format_);
}

std::string_view Conversation::format_name() const { return format_ ? format_->name() : "none"; }

std::vector<Segment> Conversation::render(std::span<const ChatMessage> messages) const {
  return format_->render(messages, {.thinking = options_.think ? Thinking::on : Thinking::model_default,
                                    .date = format_->wants_today() ? today() : ""});
}

std::vector<std::int32_t> Conversation::encode(std::span<const ChatMessage> messages) const {
  const Tokenizer& tokenizer = session_.tokenizer();
  const auto plain = [&](std::string_view text) {
    return tokenizer.encode(text, options_.special ? SpecialTokens::parse : SpecialTokens::as_text);
  };
  if (!format_) {
    std::vector<std::int32_t> ids;
    if (tokenizer.add_bos() && tokenizer.bos()) ids.push_back(*tokenizer.bos());
    const auto text = plain(messages.back().content);
    ids.insert(ids.end(), text.begin(), text.end());
    return ids;
  }
  const auto prompt = render(messages);
  if (!options_.special) return encode_chat(tokenizer, prompt);
  std::string text;
  for (const auto& segment : prompt) text += segment.text;
  return plain(text);
}

GenerateResult Conversation::answer(std::span<const std::int32_t> prompt, const std::atomic<bool>& cancel,
                                    const std::function<void(std::string_view)>& on_text) {
  ProgressLine progress;
  const GenerateRequest request{.prompt = prompt,
                                .sampling = sampling_,
                                .max_tokens = options_.max_tokens,
                                .stop_tokens = stop_tokens_,
                                .stop_strings = options_.stop,
                                .show_special = options_.special};
  return session_.generate(
      request,
      {.on_prefill = [&](std::int64_t done, std::int64_t total) { progress.update(done, total); },
       .on_text =
           [&](std::string_view text) {
             progress.clear();
             if (on_text) on_text(text);
           }},
      cancel);
}

ChatMessage Conversation::as_message(const std::string& answer, std::span<const ChatMessage> asked) const {
  ChatMessage message{.role = Role::assistant, .content = answer};
  if (!format_ || !format_->reasoning()) return message;
  const auto& [begin, end] = *format_->reasoning();
  std::string_view text = answer;
  if (text.starts_with(begin))
    text.remove_prefix(begin.size());
  else if (!ends_in_reasoning(*format_, render(asked)))
    return message;
  const auto stop = text.find(end);
  message.reasoning = std::string(text.substr(0, stop));
  message.content = stop == std::string_view::npos ? "" : std::string(text.substr(stop + end.size()));
  return message;
}

std::vector<std::int32_t> stop_tokens(const Session& session, const std::optional<ChatFormat>& format) {
  std::vector<std::int32_t> ids;
  if (format) ids = stop_ids(session.tokenizer(), *format);
  add_missing(ids, session.tokenizer().eos_ids());
  add_missing(ids, session.files().config.eos_token_ids);
  return ids;
}

std::string about_document(std::string_view document, std::string_view question) {
  return fmt::format("{}\n\n{}", document, question);
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
          {"decode_ms", t.decode_ms},
          {"decode_tok_s", t.decode_tok_s()},
          {"tpot_ms", t.tpot_ms()},
          {"peak_rss_bytes", t.peak_rss_bytes}};
}

std::string to_text(const Timings& t) {
  const std::string cached =
      t.cached_tokens > 0 ? fmt::format(" ({} still in the cache)", t.cached_tokens) : "";
  return fmt::format(
      "prompt {} tokens{}, {:.0f} tok/s; answer {} tokens, {:.1f} tok/s; first token after {:.0f} ms",
      t.prompt_tokens, cached, t.prefill_tok_s(), t.completion_tokens, t.decode_tok_s(), t.ttft_ms);
}

}  // namespace dsa::cli
