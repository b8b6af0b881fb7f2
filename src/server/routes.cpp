#include "server/routes.h"

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "base/log.h"
#include "base/numeric.h"
#include "server/anthropic.h"
#include "server/fields.h"
#include "server/request_fields.h"
#include "server/route.h"
#include "server/sse.h"

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

// Keys of one owner find each other's.
ResponseShelf Api::shelf_of(const Exchange& exchange) {
  return {.kept = &responses_, .owner = exchange.caller ? exchange.caller->key.owner : ""};
}

// Of a server without keys nobody has a balance.
Gate& Api::gate() const {
  if (settings_.gate == nullptr) throw ApiError(404, "not_found", "this server asks for no keys");
  return *settings_.gate;
}

Api::Api(ModelPool& models, ApiSettings settings)
    : models_(models),
      settings_(std::move(settings)),
      health_(models.cards().size()),
      compiles_(kMostCompiles) {
  if (!settings_.capture.empty()) capture_.emplace(settings_.capture);
}

// Whoever waits for a model would come back to what is no more.
Api::~Api() { models_.end_waits(); }

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
  std::size_t card = 0;
  for (const ModelState& state : models_.states())
    for (const ModelCard& one : state.cards) {
      const bool moves = health_[card++].healthy(state.status, HealthWatch::Clock::now());
      models[one.id] = !moves ? "stuck" : state.presence == Presence::loaded ? "ok" : name(state.presence);
      healthy = healthy && moves;
    }
  const nlohmann::ordered_json out{{"status", healthy ? "ok" : "stuck"}, {"models", std::move(models)}};
  return {.status = healthy ? 200 : 503, .body = json_text(out) + "\n"};
}

void Api::note(const HttpRequest& request, std::string_view route, int status) {
  metrics_.answered(route, status);
  if (!logs_requests()) return;
  std::string line = fmt::format("{} {} {} {}", request.peer, printable(request.method, 16),
                                 printable(request.prefix + std::string(request.path()), 200), status);
  if (settings_.log_prompts && !request.body.empty())
    line.append(" ").append(printable(request.body, kLoggedBytes));
  settings_.log(line);
}

void Api::handle(HttpRequest&& request, const std::shared_ptr<Exchange>& exchange) {
  Asked asked{.request = std::move(request), .exchange = exchange, .headers = {}};
  asked.headers.emplace_back("X-Request-Id", request_id(asked.request));
  try {
    check_host(asked.request);
    check_origin(asked.request, asked.headers);
    take_version(settings_.versions,
                 std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()), asked.request,
                 asked.headers);
    find_route(asked);
  } catch (const ApiError& error) {
    refuse(asked, error);
  }
}

void Api::refuse(const Asked& asked, const ApiError& error) {
  const bool anthropic = is_anthropic(bare_path(asked.request.path()));
  note(asked.request, "", error.status());
  if (!asked.streams) return asked.send(anthropic ? anthropic_error_answer(error) : error_answer(error));
  asked.exchange->write(anthropic ? anthropic_error_event(error)
                                  : sse_event(error_json(error)).append(kSseDone));
  asked.exchange->end();
}

void Api::find_route(Asked& asked) {
  const HttpRequest& request = asked.request;
  const std::string_view path = bare_path(request.path());
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  std::string allowed;
  bool in_part = false;  // of something in a folder: the folder's own routes are not for it
  for (const Route& route : routes()) {
    const auto star = route.path.find('*');
    const bool part = star != std::string_view::npos;
    const bool folder = route.path.size() > 1 && route.path.ends_with('/');
    const bool here = part ? path.size() >= route.path.size() &&
                                 path.starts_with(route.path.substr(0, star)) &&
                                 path.ends_with(route.path.substr(star + 1))
                      : folder ? !in_part && path.starts_with(route.path)
                               : path == route.path;
    if (!here) continue;
    in_part = in_part || part;
    if (route.method != method) {
      allowed +=
          (allowed.empty() ? "" : ", ") + std::string(route.method == "GET" ? "GET, HEAD" : route.method);
      continue;
    }
    if (settings_.gate != nullptr) asked.exchange->caller = settings_.gate->enter(request, route.access);
    return route.model == nullptr ? serve(asked, route) : with_model(asked, route);
  }
  if (!allowed.empty()) allowed += ", OPTIONS";
  if (allowed.empty() && !(method == "OPTIONS" && path == "*"))
    throw ApiError(404, "not_found", fmt::format("there is no {} here", printable(request.path(), 200)));
  asked.headers.emplace_back("Allow", allowed.empty() ? "GET, HEAD, POST, DELETE, OPTIONS" : allowed);
  if (method == "OPTIONS") {
    asked.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS");
    asked.headers.emplace_back("Access-Control-Allow-Headers",
                               "Authorization, Content-Type, X-Api-Key, X-Request-Id");
    note(request, path, 204);
    return asked.send({.status = 204});
  }
  note(request, "", 405);
  asked.send(plain_error(405, fmt::format("{} {}: expected {}", printable(request.method, 16),
                                          printable(request.path(), 200), allowed)));
}

void Api::serve(Asked& asked, const Route& route) {
  route.serve(*this, asked);
  note(asked.request, route.path, 200);
}

void Api::with_model(Asked& asked, const Route& route) {
  if (draining_) throw draining_error();
  if (asked.request.method == "POST") {
    if (capture_) capture_->keep(asked.request);
    asked.body = parse_body(asked.request.body);
  }
  const std::string& decided = asked.request.model;
  const std::size_t card =
      decided.empty() ? route.model(models_.cards(), asked) : find_model(models_.cards(), decided);
  if (asked.exchange->caller) Gate::check_model(*asked.exchange->caller, models_.cards()[card].id);
  asked.model = models_.hold(card);
  asked.model ? serve(asked, route) : await_model(asked, route, card);
}

// A stream begins at once: its client is kept awake, and what goes wrong is an event in it.
void Api::await_model(Asked& asked, const Route& route, std::size_t card) {
  const auto own = std::make_shared<Asked>(std::move(asked));
  try {
    models_.check(card);
    if (route.may_stream && Fields(own->body).boolean("stream").value_or(false)) {
      own->streams = true;
      own->exchange->begin(stream_head(own->headers), std::string(kSseKeepAlive));
    }
    models_.load(card, [this, own, &route](HeldModel model, const ApiError* why) {
      try {
        if (why != nullptr) throw ApiError(*why);
        own->model = std::move(model);
        serve(*own, route);
      } catch (const ApiError& error) {
        refuse(*own, error);
      } catch (const std::exception& error) {
        warn("server: {}", printable(error.what(), 400));
        refuse(*own, ApiError(500, "engine_error", "the server failed at this request"));
      }
    });
  } catch (const ApiError& error) {
    refuse(*own, error);
  }
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

void Api::start(Asked& asked, std::unique_ptr<AnswerWriter> writer, Plan plan) {
  if (plan.structure) return compile(asked, std::move(writer), std::move(plan));
  const std::string id = writer->id();
  Call::OnFinished on_finished;
  if (logs_requests())
    on_finished = [this, request = asked.headers.front().second](const Finished& finished) {
      note_finished(request, finished);
    };
  std::unique_ptr<accounts::Bill> bill;
  if (asked.exchange->caller)
    bill = gate().open(*asked.exchange->caller, *asked.model, id, plan, asked.headers);
  const HeldModel model = asked.model;
  const auto call = std::make_shared<Call>(asked.exchange, std::move(writer), asked.headers, metrics_,
                                           std::move(on_finished), std::move(bill));
  if (plan.resumable) keep(id, call);
  {
    const std::scoped_lock lock(mutex_);
    calls_.remove_if([](const std::weak_ptr<Call>& old) {
      const auto one = old.lock();
      return !one || one->ended();
    });
    calls_.push_back(call);
  }
  call->start(model, std::move(plan));
}

// Not on a thread that handles requests: a compilation may take seconds.
void Api::compile(Asked& asked, std::unique_ptr<AnswerWriter> writer, Plan plan) {
  struct Waiting {
    Asked asked;
    std::unique_ptr<AnswerWriter> writer;
    Plan plan;
  };
  const auto waiting = std::make_shared<Waiting>(Waiting{asked, std::move(writer), std::move(plan)});
  const bool posted = compiles_.post([this, waiting](bool over) {
    try {
      if (over) throw draining_error();
      const AskedStructure structure = *std::exchange(waiting->plan.structure, std::nullopt);
      compile_structure(structure, *waiting->asked.model, waiting->plan);
      start(waiting->asked, std::move(waiting->writer), std::move(waiting->plan));
    } catch (const ApiError& error) {
      refuse(waiting->asked, error);
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
void Api::take_up(Asked& asked) {
  const HttpRequest& request = asked.request;
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
  const bool own = call && call->is_of(asked.exchange->caller.get());
  if (!own || !call->follow(asked.exchange, asked.headers, from + (last.empty() ? 0 : 1)))
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
