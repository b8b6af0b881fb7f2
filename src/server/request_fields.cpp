#include "server/request_fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/json.h"
#include "base/numeric.h"
#include "sampling/stop_matcher.h"

namespace dsa::server {
namespace {

using nlohmann::json;

constexpr auto kMaxInt64 = std::numeric_limits<std::int64_t>::max();

// How each row of sampling_ranges() is set.
struct Setter {
  std::string_view name;
  void (*set)(SamplingParams&, double);
};
constexpr std::array<Setter, 7> kSetters{{
    {"temperature", [](SamplingParams& p, double v) { p.temperature = v; }},
    {"top_k", [](SamplingParams& p, double v) { p.top_k = static_cast<std::int64_t>(v); }},
    {"top_p", [](SamplingParams& p, double v) { p.top_p = v; }},
    {"min_p", [](SamplingParams& p, double v) { p.min_p = v; }},
    {"repetition_penalty", [](SamplingParams& p, double v) { p.repetition_penalty = v; }},
    {"presence_penalty", [](SamplingParams& p, double v) { p.presence_penalty = v; }},
    {"frequency_penalty", [](SamplingParams& p, double v) { p.frequency_penalty = v; }},
}};

// What we cannot do, and whoever asks for it could not use an answer without.
struct Unsupported {
  std::string_view name;
  bool (*asked)(const json&);
  std::string_view why;
};
bool is_set(const json& value) {
  return !(value.is_boolean() && !value.get<bool>()) &&
         !((value.is_string() || value.is_structured()) && value.empty());
}
bool is_call(const json& value) { return value != "none" && value != "auto"; }
bool has_audio(const json& value) {
  return !value.is_array() || std::ranges::any_of(value, [](const json& one) { return one != "text"; });
}
constexpr std::array<Unsupported, 6> kUnsupported{{
    {"function_call", is_call, "ask with tools"},
    {"audio", is_set, "answers are text"},
    {"modalities", has_audio, "answers are text"},
    {"web_search_options", [](const json&) { return true; }, "this server searches nothing"},
    {"use_beam_search", is_set, "answers are sampled"},
    {"prompt_logprobs", is_set, "ask /v1/completions for echo and logprobs"},
}};

void refuse_unsupported(const Fields& body) {
  for (const Unsupported& row : kUnsupported)
    if (const json* value = body.find(row.name); value != nullptr && row.asked(*value))
      throw ApiError(400, "unsupported_parameter",
                     fmt::format("{} is {}, which cannot be done: {}", row.name, shown(*value), row.why),
                     std::string(row.name));
}

void read_sampling(const Fields& body, SamplingParams& sampling) {
  for (const SamplingRange& range : sampling_ranges()) {
    const auto* setter = std::ranges::find(kSetters, range.name, &Setter::name);
    DSA_CHECK(setter != kSetters.end());
    const json* value = body.find(range.name);
    // -1 is vLLM's word for every token.
    if (value != nullptr && range.name == "top_k" && *value == -1) continue;
    const bool whole = range.name == "top_k" && value != nullptr &&
                       !as_integer(*value, 0, std::numeric_limits<std::int32_t>::max());
    if (whole) body.wrong(range.name, fmt::format("a whole number from {} to {}", range.min, range.max));
    if (const auto number = body.number(range.name, range.min, range.max)) setter->set(sampling, *number);
  }
  // -1 means a different answer every time, as leaving it out does.
  if (const auto seed = body.integer("seed", std::numeric_limits<std::int64_t>::min(), kMaxInt64);
      seed && *seed != -1)
    sampling.seed = static_cast<std::uint64_t>(*seed);
}

void read_biases(const Fields& body, const ServedModel& model, SamplingParams& sampling) {
  const auto biases = body.object("logit_bias");
  if (!biases) return;
  if (biases->json().size() > kMaxBiases)
    throw invalid_value("logit_bias", fmt::format("logit_bias has {} entries, expected at most {}",
                                                  biases->json().size(), kMaxBiases));
  for (const auto& [key, value] : biases->json().items()) {
    LogitBias bias;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), bias.id);
    const bool plain =
        error == std::errc{} && end == key.data() + key.size() && std::to_string(bias.id) == key;
    if (!plain || bias.id < 0 || bias.id >= model.vocab_size)
      throw invalid_value("logit_bias",
                          fmt::format("logit_bias names token \"{}\", expected an id from 0 to {}",
                                      printable(key, 40), model.vocab_size - 1));
    constexpr double kMost = 100;  // as OpenAI's
    bias.bias = biases->number(key, -kMost, kMost).value_or(0);
    sampling.logit_bias.push_back(bias);
  }
}

void read_stops(const Fields& body, const ServedModel& model, Request& request) {
  if (const json* stop = body.find("stop")) {
    const json list = stop->is_string() ? json::array({*stop}) : *stop;
    const bool strings =
        list.is_array() && std::ranges::all_of(list, [](const json& s) { return s.is_string(); });
    if (!strings) body.wrong("stop", "a string or a list of strings");
    request.stop_strings = list.get<std::vector<std::string>>();
    try {
      (void)StopMatcher(request.stop_strings);
    } catch (const ApiError&) {
      throw;
    } catch (const Error& error) {
      throw invalid_value("stop", error.what());
    }
  }
  if (!body.boolean("ignore_eos").value_or(false)) request.stop_tokens = model.prompt.stop_ids();
  if (const json* ids = body.find("stop_token_ids")) {
    if (!ids->is_array() || ids->size() > kMaxBiases)
      body.wrong("stop_token_ids", fmt::format("a list of at most {} ids", kMaxBiases));
    for (const json& id : *ids) {
      const auto number = as_integer(id, 0, model.vocab_size - 1);
      if (!number) body.wrong("stop_token_ids", fmt::format("ids from 0 to {}", model.vocab_size - 1));
      request.stop_tokens.push_back(static_cast<std::int32_t>(*number));
    }
  }
}

void read_dsa(const Fields& body, const ServedModel& model, Request& request, Plan& plan) {
  request.run = model.run;
  const auto dsa = body.object("dsa");
  if (!dsa) return;
  constexpr std::array<std::string_view, 7> kKnown{
      "attention", "top_k", "progress", "stop_repetition", "thinking_budget", "resumable", "trace"};
  for (const auto& [key, value] : dsa->json().items())
    if (std::ranges::find(kKnown, key) == kKnown.end())
      throw ApiError(400, "unknown_parameter",
                     fmt::format("dsa.{} is not known, expected attention, top_k, progress, stop_repetition, "
                                 "thinking_budget, resumable or trace",
                                 printable(key, 40)),
                     "dsa." + printable(key, 40));
  if (const auto attention = dsa->string("attention")) {
    if (*attention != "auto" && *attention != "dense" && *attention != "sparse")
      dsa->wrong("attention", "auto, dense or sparse");
    if (*attention == "sparse" && model.topk == 0)
      throw invalid_value("dsa.attention", "dsa.attention is sparse, but this model has no indexer");
    request.run.attention = *attention == "dense"    ? AttentionMode::dense
                            : *attention == "sparse" ? AttentionMode::sparse
                                                     : AttentionMode::automatic;
  }
  if (model.topk == 0 && dsa->find("top_k") != nullptr)
    throw invalid_value("dsa.top_k", "dsa.top_k is given, but this model has no indexer");
  request.run.topk = dsa->integer("top_k", 1, model.topk).value_or(model.run.topk);
  plan.progress = dsa->boolean("progress").value_or(false);
  plan.resumable = dsa->boolean("resumable").value_or(false);
  request.stop_repetition = dsa->boolean("stop_repetition").value_or(false);
}

}  // namespace

json parse_body(std::string_view body) {
  constexpr JsonLimits kLimits{.max_bytes = std::size_t{64} << 20, .max_depth = 64, .max_values = 4'000'000};
  try {
    return parse_json(body, "the request", kLimits);
  } catch (const Error& error) {
    throw ApiError(400, "invalid_json", error.what());
  }
}

std::string model_of(const Fields& body) { return body.string("model").value_or(""); }

void read_common(const Fields& body, const ServedModel& model, Request& request, Plan& plan) {
  refuse_unsupported(body);
  read_sampling(body, request.sampling);
  read_biases(body, model, request.sampling);
  read_stops(body, model, request);
  read_dsa(body, model, request, plan);
  request.choices = static_cast<std::int32_t>(body.integer("n", 1, kMaxChoices).value_or(1));
  if (const auto best_of = body.integer("best_of", 1, kMaxChoices); best_of && *best_of != request.choices)
    throw ApiError(400, "unsupported_parameter",
                   fmt::format("best_of is {}, expected n, which is {}", *best_of, request.choices),
                   "best_of");
  // Also 0: with `echo` the prompt alone is looked at.
  const auto most = body.integer("max_tokens", 0, kMaxInt64);
  request.max_tokens =
      body.integer("max_completion_tokens", 0, kMaxInt64).value_or(most.value_or(request.max_tokens));
  request.min_tokens = body.integer("min_tokens", 0, kMaxInt64).value_or(0);
  if (request.max_tokens >= 0 && request.min_tokens > request.max_tokens)
    throw invalid_value("min_tokens",
                        fmt::format("min_tokens is {}, expected at most max_tokens, which is {}",
                                    request.min_tokens, request.max_tokens));
  plan.stream = body.boolean("stream").value_or(false);
  if (const auto options = body.object("stream_options")) {
    if (!plan.stream)
      throw invalid_value("stream_options", "stream_options is given, expected only with stream");
    plan.include_usage = options->boolean("include_usage").value_or(false);
  }
  if (plan.resumable && !plan.stream)
    throw invalid_value("dsa.resumable", "dsa.resumable is given, expected only with stream");
}

void refuse_trace(const Fields& body) {
  const auto dsa = body.object("dsa");
  if (dsa && dsa->object("trace"))
    throw ApiError(400, "unsupported_parameter",
                   "dsa.trace is given, expected only at /v1/chat/completions: ask there", "dsa.trace");
}

void check_room(const Request& request, const ServedModel& model, std::string_view param) {
  const auto tokens = static_cast<std::int64_t>(request.prompt.size());
  if (tokens == 0) throw invalid_value(std::string(param), fmt::format("{} is empty, expected text", param));
  if (tokens + (request.max_tokens == 0 ? 0 : 1) > model.context)
    throw context_exceeded(tokens, model.context, std::string(param));
}

void check_text_size(std::size_t bytes, const ServedModel& model, std::string_view param) {
  const auto least = ceil_div(static_cast<std::int64_t>(bytes), model.tokenizer.longest_piece());
  if (least > model.context) throw context_exceeded(least, model.context, std::string(param));
}

}  // namespace dsa::server
