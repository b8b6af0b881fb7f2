#include "server/routes.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/json.h"
#include "base/numeric.h"
#include "server/anthropic.h"
#include "server/fields.h"
#include "server/openai_chat.h"
#include "server/openai_completions.h"
#include "server/openapi.h"
#include "server/page.h"
#include "server/request_fields.h"
#include "server/responses.h"
#include "server/token_api.h"

namespace dsa::server {
namespace {

constexpr std::size_t kLoggedBytes = 4000;
constexpr std::chrono::seconds kLastRows{1};  // for what is told of requests that are cut off
constexpr std::size_t kMostStreams = 256;     // kept, each of some MiB
constexpr std::size_t kMostCompiles = 64;     // structures that wait to be compiled

// An id that a client gave is said back if it can do no harm in a header or a log.
std::string request_id(const HttpRequest& request) {
  const std::string_view given = request.header("X-Request-Id");
  constexpr std::size_t kMost = 128;
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  };
  if (!given.empty() && given.size() <= kMost && std::ranges::all_of(given, plain)) return std::string(given);
  static std::atomic<std::uint64_t> next{1};
  return fmt::format("req-{}", next++);
}

// "http://host/path" is "/path"; "/v1/models" is "/models", and so is what stands under the names that
// clients of DeepSeek's put before it.
std::string_view bare_path(std::string_view path) {
  if (const auto scheme = path.find("://"); scheme != std::string_view::npos && scheme < path.find('/')) {
    const auto slash = path.find('/', scheme + 3);
    path = slash == std::string_view::npos ? "/" : path.substr(slash);
  }
  for (const std::string_view base : {"/anthropic/", "/beta/"})
    if (path.starts_with(base)) path.remove_prefix(base.size() - 1);
  if (path.starts_with("/v1/")) path.remove_prefix(3);
  return path;
}

// "[::1]:8000" is "::1", "localhost:8000" is "localhost".
std::string_view host_name(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

bool is_address(std::string_view name) {
  const auto of = [&](std::string_view letters) {
    return name.find_first_not_of(letters) == std::string_view::npos;
  };
  return !name.empty() &&
         (of("0123456789.") || (name.find(':') != std::string_view::npos && of("0123456789abcdefABCDEF:.%")));
}

bool holds(const std::vector<std::string>& list, std::string_view word) {
  return std::ranges::any_of(list,
                             [&](const std::string& one) { return one == "*" || same_name(one, word); });
}

}  // namespace

/// A row of the table: a path without /v1; one that ends in '/', but for "/", takes what stands behind.
struct Api::Route {
  std::string_view method;
  std::string_view path;
  bool answers = false;  // refused while the server drains
  void (*serve)(Api& api, const HttpRequest& request, const std::shared_ptr<Exchange>& exchange,
                HttpHeaders headers);
  Access access = Access::user;  // whoever forgets it has closed the route
};

std::span<const Api::Route> Api::routes() {
  using Shared = const std::shared_ptr<Exchange>&;
  static constexpr auto tell = [](Shared exchange, HttpAnswer answer, HttpHeaders headers) {
    answer.headers.insert(answer.headers.end(), headers.begin(), headers.end());
    exchange->send(std::move(answer));
  };
  static const std::array kRoutes{
      Route{"POST", "/chat/completions", true,
            [](Api& api, const HttpRequest& request, Shared exchange, HttpHeaders headers) {
              const auto json = parse_body(request.body);
              const Fields body(json);
              const ServedModel& model = find_model(api.models_, model_of(body));
              ChatCall call = read_chat(body, model, request.body);
              auto writer = write_chat(call, model);
              api.start(exchange, std::move(writer), std::move(headers), model, std::move(call.plan));
            }},
      Route{"POST", "/responses", true,
            [](Api& api, const HttpRequest& request, Shared exchange, HttpHeaders headers) {
              const auto json = parse_body(request.body);
              const Fields body(json);
              const ServedModel& model = find_model(api.models_, model_of(body));
              ResponsesCall call = read_responses(body, model, request.body);
              auto writer = write_response(call, model);
              api.start(exchange, std::move(writer), std::move(headers), model, std::move(call.chat.plan));
            }},
      Route{"POST", "/completions", true,
            [](Api& api, const HttpRequest& request, Shared exchange, HttpHeaders headers) {
              const auto json = parse_body(request.body);
              const Fields body(json);
              const ServedModel& model = find_model(api.models_, model_of(body));
              CompletionsCall call = read_completions(body, model);
              Plan plan = call.plan;
              plan.structure = read_structure(body, request.body);
              auto writer = write_completions(std::move(call), model);
              api.start(exchange, std::move(writer), std::move(headers), model, std::move(plan));
            }},
      Route{"POST", "/messages", true,
            [](Api& api, const HttpRequest& request, Shared exchange, HttpHeaders headers) {
              const auto json = parse_body(request.body);
              const Fields body(json);
              const ServedModel& model = find_anthropic_model(api.models_, model_of(body));
              MessagesCall call = read_messages(body, model, /*counting=*/false, request.body);
              if (!call.dropped.empty()) headers.emplace_back("X-Dsa-Dropped", call.dropped);
              auto writer = write_message(call, model);
              api.start(exchange, std::move(writer), std::move(headers), model, std::move(call.chat.plan));
            }},
      Route{"POST", "/messages/count_tokens", true,
            [](Api& api, const HttpRequest& request, Shared exchange, HttpHeaders headers) {
              const auto json = parse_body(request.body);
              const Fields body(json);
              const auto call = read_messages(body, find_anthropic_model(api.models_, model_of(body)),
                                              /*counting=*/true, request.body);
              const auto tokens = call.chat.plan.requests.front().prompt.size();
              tell(exchange, {.body = json_text(nlohmann::ordered_json{{"input_tokens", tokens}}) + "\n"},
                   std::move(headers));
            }},
      Route{"POST", "/tokenize", true,
            [](Api& api, const HttpRequest& request, Shared exchange, HttpHeaders headers) {
              const auto json = parse_body(request.body);
              const Fields body(json);
              tell(exchange, tokenize(body, find_model(api.models_, model_of(body)), request.body),
                   std::move(headers));
            }},
      Route{"POST", "/detokenize", true,
            [](Api& api, const HttpRequest& request, Shared exchange, HttpHeaders headers) {
              const auto json = parse_body(request.body);
              const Fields body(json);
              tell(exchange, detokenize(body, find_model(api.models_, model_of(body))), std::move(headers));
            }},
      Route{"GET", "/tokenizer_info", false,
            [](Api& api, const HttpRequest& request, Shared exchange, HttpHeaders headers) {
              tell(exchange, tokenizer_info(find_model(api.models_, request.query("model"))),
                   std::move(headers));
            }},
      Route{"GET", "/models", false,
            [](Api& api, const HttpRequest&, Shared exchange, HttpHeaders headers) {
              tell(exchange, list_models(api.models_), std::move(headers));
            }},
      Route{"GET", "/models/", false,
            [](Api& api, const HttpRequest& request, Shared exchange, HttpHeaders headers) {
              std::string id;
              const auto rest = bare_path(request.path()).substr(std::string_view("/models/").size());
              if (!percent_decode(rest, id) || id.empty())
                throw ApiError(404, "model_not_found", "the path names no model", "model");
              tell(exchange, describe_model(find_model(api.models_, id)), std::move(headers));
            }},
      Route{"GET", "/streams/", false,
            [](Api& api, const HttpRequest& request, Shared exchange, HttpHeaders headers) {
              api.take_up(request, exchange, std::move(headers));
            }},
      Route{"GET", "/health", false,
            [](Api& api, const HttpRequest&, Shared exchange, HttpHeaders headers) {
              tell(exchange, api.health(), std::move(headers));
            },
            Access::open},
      Route{"GET", "/ready", false,
            [](Api& api, const HttpRequest&, Shared exchange, HttpHeaders headers) {
              if (api.draining_) throw draining_error();
              tell(exchange, {.body = "{\"status\":\"ready\"}\n"}, std::move(headers));
            },
            Access::open},
      Route{"GET", "/metrics", false,
            [](Api& api, const HttpRequest&, Shared exchange, HttpHeaders headers) {
              std::string text = api.metrics_.text(api.models_);
              if (api.settings_.gate != nullptr) text += api.settings_.gate->metrics();
              tell(exchange, {.body = std::move(text), .type = "text/plain; version=0.0.4; charset=utf-8"},
                   std::move(headers));
            },
            Access::admin},
      Route{"GET", "/user/balance", false,
            [](Api& api, const HttpRequest&, Shared exchange, HttpHeaders headers) {
              tell(exchange, api.gate().balance(*exchange->caller), std::move(headers));
            }},
      Route{"GET", "/admin/usage", false,
            [](Api& api, const HttpRequest& request, Shared exchange, HttpHeaders headers) {
              tell(exchange, api.gate().usage(request), std::move(headers));
            },
            Access::admin},
      Route{"GET", "/openapi.json", false,
            [](Api&, const HttpRequest&, Shared exchange, HttpHeaders headers) {
              tell(exchange, {.body = openapi_document()}, std::move(headers));
            },
            Access::open},
      Route{"GET", "/", false,
            [](Api&, const HttpRequest& request, Shared exchange, HttpHeaders headers) {
              tell(exchange, page_file("index.html", request), std::move(headers));
            },
            Access::open},
      Route{"GET", "/page/", false,
            [](Api&, const HttpRequest& request, Shared exchange, HttpHeaders headers) {
              const auto name = bare_path(request.path()).substr(std::string_view("/page/").size());
              tell(exchange, page_file(name, request), std::move(headers));
            },
            Access::open},
  };
  return kRoutes;
}

std::vector<RouteInfo> Api::table() {
  std::vector<RouteInfo> out;
  for (const Route& route : routes()) out.push_back({route.method, route.path, route.access});
  return out;
}

// Of a server without keys nobody has a balance.
Gate& Api::gate() const {
  if (settings_.gate == nullptr) throw ApiError(404, "not_found", "this server asks for no keys");
  return *settings_.gate;
}

Api::Api(std::span<const ServedModel> models, ApiSettings settings)
    : models_(models), settings_(std::move(settings)), health_(models.size()), compiles_(kMostCompiles) {
  if (!settings_.capture.empty()) capture_.emplace(settings_.capture);
}

// Names in Host: a page of any web site could else ask us through a name that it points here.
void Api::check_host(const HttpRequest& request) const {
  const std::string_view name = host_name(request.header("Host"));
  const bool known = name.empty() || request.peer == "unix" || is_address(name) ||
                     same_name(name, "localhost") || holds(settings_.allow_hosts, name);
  if (!known)
    throw ApiError(403, "host_not_allowed",
                   fmt::format("Host is \"{}\", expected an address, localhost, or one of `allow_hosts`",
                               printable(name, 100)));
}

void Api::check_origin(const HttpRequest& request, HttpHeaders& headers) const {
  const std::string_view origin = request.header("Origin");
  if (origin.empty()) return;
  if (holds(settings_.allow_origins, origin)) {
    headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
    headers.emplace_back("Vary", "Origin");
    return;
  }
  const auto scheme = origin.find("://");
  const bool own =
      scheme != std::string_view::npos && same_name(origin.substr(scheme + 3), request.header("Host"));
  if (!own)
    throw ApiError(
        403, "origin_not_allowed",
        fmt::format("a page of \"{}\" asks, expected one of `allow_origins`", printable(origin, 100)));
}

HttpAnswer Api::health() {
  nlohmann::ordered_json models = nlohmann::ordered_json::object();
  bool healthy = true;
  for (std::size_t i = 0; i < models_.size(); ++i) {
    const bool moves = health_[i].healthy(models_[i].engine.status(), HealthWatch::Clock::now());
    models[models_[i].id] = moves ? "ok" : "stuck";
    healthy = healthy && moves;
  }
  const nlohmann::ordered_json out{{"status", healthy ? "ok" : "stuck"}, {"models", std::move(models)}};
  return {.status = healthy ? 200 : 503, .body = json_text(out) + "\n"};
}

void Api::note(const HttpRequest& request, std::string_view route, int status) {
  metrics_.answered(route, status);
  if (!logs_requests()) return;
  std::string line = fmt::format("{} {} {} {}", request.peer, printable(request.method, 16),
                                 printable(request.path(), 200), status);
  if (settings_.log_prompts && !request.body.empty())
    line.append(" ").append(printable(request.body, kLoggedBytes));
  settings_.log(line);
}

void Api::handle(HttpRequest&& request, const std::shared_ptr<Exchange>& exchange) {
  HttpHeaders headers{{"X-Request-Id", request_id(request)}};
  try {
    check_host(request);
    check_origin(request, headers);
    serve(request, exchange, headers);
  } catch (const ApiError& error) {
    HttpAnswer answer =
        is_anthropic(bare_path(request.path())) ? anthropic_error_answer(error) : error_answer(error);
    answer.headers.insert(answer.headers.end(), headers.begin(), headers.end());
    note(request, "", error.status());
    exchange->send(std::move(answer));
  }
}

void Api::serve(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange, HttpHeaders headers) {
  const std::string_view path = bare_path(request.path());
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  std::string allowed;
  for (const Route& route : routes()) {
    const bool folder = route.path.size() > 1 && route.path.ends_with('/');
    const bool here = folder ? path.starts_with(route.path) : path == route.path;
    if (!here) continue;
    if (route.method != method) {
      allowed = std::string(route.method) + (route.method == "GET" ? ", HEAD, OPTIONS" : ", OPTIONS");
      continue;
    }
    if (settings_.gate != nullptr) exchange->caller = settings_.gate->enter(request, route.access);
    if (route.answers && draining_) throw draining_error();
    if (route.answers && capture_) capture_->keep(request);
    route.serve(*this, request, exchange, std::move(headers));
    return note(request, route.path, 200);
  }
  if (allowed.empty() && !(method == "OPTIONS" && path == "*"))
    throw ApiError(404, "not_found", fmt::format("there is no {} here", printable(request.path(), 200)));
  headers.emplace_back("Allow", allowed.empty() ? "GET, HEAD, POST, OPTIONS" : allowed);
  if (method == "OPTIONS") {
    headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    headers.emplace_back("Access-Control-Allow-Headers",
                         "Authorization, Content-Type, X-Api-Key, X-Request-Id");
    note(request, path, 204);
    return exchange->send({.status = 204, .headers = std::move(headers)});
  }
  HttpAnswer answer = plain_error(405, fmt::format("{} {}: expected {}", printable(request.method, 16),
                                                   printable(request.path(), 200), allowed));
  answer.headers.insert(answer.headers.end(), headers.begin(), headers.end());
  note(request, "", 405);
  exchange->send(std::move(answer));
}

// What became of an answer, in numbers: "req-7 stop: 812 of 900 tokens of the prompt found, ...".
void Api::note_finished(const std::string& request, const Finished& finished) const {
  const Timings& t = finished.timings;
  std::string line = fmt::format("{} {}: {} of {} tokens of the prompt found ({} on disk)", request,
                                 name(finished.reason), t.cached_tokens, t.prompt_tokens, t.disk_tokens);
  if (t.first_difference) line += fmt::format(", token {} differs from what was kept", *t.first_difference);
  settings_.log(fmt::format("{}, {} written; queued {:.0f} ms, first token {:.0f} ms, decode {:.0f} ms", line,
                            t.completion_tokens, t.queue_ms, t.ttft_ms, t.decode_ms));
}

void Api::start(std::shared_ptr<Exchange> exchange, std::unique_ptr<AnswerWriter> writer, HttpHeaders headers,
                const ServedModel& model, Plan plan) {
  if (plan.structure)
    return compile(std::move(exchange), std::move(writer), std::move(headers), model, std::move(plan));
  const std::string id = writer->id();
  Call::OnFinished on_finished;
  if (logs_requests())
    on_finished = [this, request = headers.front().second](const Finished& finished) {
      note_finished(request, finished);
    };
  std::unique_ptr<accounts::Bill> bill;
  if (exchange->caller) bill = gate().open(*exchange->caller, model, id, plan, headers);
  const auto call = std::make_shared<Call>(std::move(exchange), std::move(writer), std::move(headers),
                                           metrics_, std::move(on_finished), std::move(bill));
  if (plan.resumable) keep(id, call);
  {
    const std::scoped_lock lock(mutex_);
    calls_.remove_if([](const std::weak_ptr<Call>& old) {
      const auto one = old.lock();
      return !one || one->ended();
    });
    calls_.push_back(call);
  }
  call->start(model.engine, std::move(plan));
}

// Not on a thread that handles requests: a compilation may take seconds.
void Api::compile(std::shared_ptr<Exchange> exchange, std::unique_ptr<AnswerWriter> writer,
                  HttpHeaders headers, const ServedModel& model, Plan plan) {
  struct Waiting {
    std::shared_ptr<Exchange> exchange;
    std::unique_ptr<AnswerWriter> writer;
    HttpHeaders headers;
    Plan plan;
  };
  const auto waiting = std::make_shared<Waiting>(
      Waiting{std::move(exchange), std::move(writer), std::move(headers), std::move(plan)});
  const bool posted = compiles_.post([this, waiting, &model](bool over) {
    try {
      if (over) throw draining_error();
      const AskedStructure asked = *std::exchange(waiting->plan.structure, std::nullopt);
      compile_structure(asked, model, waiting->plan);
      start(waiting->exchange, std::move(waiting->writer), waiting->headers, model, std::move(waiting->plan));
    } catch (const ApiError& error) {
      HttpAnswer answer = error_answer(error);
      answer.headers.insert(answer.headers.end(), waiting->headers.begin(), waiting->headers.end());
      waiting->exchange->send(std::move(answer));
    }
  });
  if (posted) return;
  ApiError full(503, "overloaded", fmt::format("{} structures wait to be compiled", kMostCompiles));
  full.retry_after_s = 5;
  throw full;
}

void Api::keep(const std::string& id, const std::shared_ptr<Call>& call) {
  const std::scoped_lock lock(mutex_);
  if (kept_.size() >= kMostStreams) {
    ApiError full(503, "overloaded", fmt::format("{} streams are kept already", kept_.size()),
                  "dsa.resumable");
    full.retry_after_s = 60;
    throw full;
  }
  kept_.emplace(id, call);
}

// "from" is the first event that is wanted; a browser says the last that it has.
void Api::take_up(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange,
                  HttpHeaders headers) {
  const std::string id(bare_path(request.path()).substr(std::string_view("/streams/").size()));
  const std::string_view last = request.header("Last-Event-ID");
  const std::string_view text = last.empty() ? request.query("from") : last;
  std::int64_t from = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), from);
  if (!text.empty() && (error != std::errc{} || end != text.data() + text.size() || from < 0))
    throw invalid_value("from", fmt::format("from is \"{}\", expected a whole number", printable(text, 40)));
  std::shared_ptr<Call> call;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = kept_.find(id); found != kept_.end()) call = found->second;
  }
  const bool own = call && call->is_of(exchange->caller.get());
  if (!own || !call->follow(exchange, std::move(headers), from + (last.empty() ? 0 : 1)))
    throw ApiError(404, "stream_not_found",
                   fmt::format("there is no stream \"{}\" with an event {}", printable(id, 100), from), "id");
}

void Api::sweep(std::chrono::seconds kept) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(kept_, [&](const auto& one) { return one.second->expired(kept); });
}

std::size_t Api::running() {
  const std::scoped_lock lock(mutex_);
  return usize(std::ranges::count_if(calls_, [](const std::weak_ptr<Call>& one) {
    const auto call = one.lock();
    return call && !call->ended();
  }));
}

void Api::abandon_all() {
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& one : calls_)
      if (const auto call = one.lock()) call->abandon(draining_error());
  }
  if (settings_.gate != nullptr) settings_.gate->flush(kLastRows);
}

}  // namespace dsa::server
