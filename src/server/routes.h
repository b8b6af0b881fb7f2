// Which path does what, and what every request has to pass first.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "server/background.h"
#include "server/call.h"
#include "server/capture.h"
#include "server/gate.h"
#include "server/health.h"
#include "server/metrics.h"
#include "server/model_pool.h"
#include "server/responses.h"
#include "server/versions.h"
#include "server/volatile_lines.h"

namespace dsa::server {

struct ApiSettings {
  std::vector<std::string> allow_hosts = {};    // names in Host beside localhost and addresses
  std::vector<std::string> allow_origins = {};  // web pages of these may ask; "*": of any
  std::string capture = {};  // a folder that requests for answers are kept in; "": they are not
  bool log_requests = false;
  bool log_prompts = false;  // bodies too
  std::function<void(const std::string& line)> log = {};
  std::vector<Version> versions = {};  // of served models
  std::vector<VolatileLine> volatile_lines{known_volatile_lines().begin(), known_volatile_lines().end()};
  Gate* gate = nullptr;  // keys are asked for, and requests are billed; null: whoever asks is answered
};

/// A row of the table of paths, for whoever wants to know it.
struct RouteInfo {
  std::string_view method;
  /// Without /v1; one that ends in '/', but for "/", takes what stands behind; a '*' is what stands there.
  std::string_view path;
  Access access;
};

/// Thread-safe.
class Api {
 public:
  /// `models` must outlive this, and is not empty.
  Api(ModelPool& models, ApiSettings settings);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  [[nodiscard]] static std::vector<RouteInfo> table();

  /// Answers, now or later; never throws for what a request may hold.
  void handle(HttpRequest&& request, const std::shared_ptr<Exchange>& exchange);

  /// From now on /ready is 503 and so are requests for answers.
  void drain() { draining_ = true; }
  /// Calls that have not ended.
  [[nodiscard]] std::size_t running();
  /// Those end now, with an error.
  void abandon_all();
  /// Forgets streams that nobody took up for `kept`, and ends those that still run.  To be called now and
  /// then.
  void sweep(std::chrono::seconds kept = std::chrono::minutes(5));

 private:
  struct Asked;
  struct Route;
  static std::span<const Route> routes();
  void find_route(Asked& asked);
  void serve(Asked& asked, const Route& route);
  /// serve(), once its model is in memory.
  void with_model(Asked& asked, const Route& route);
  void await_model(Asked& asked, const Route& route, std::size_t card);
  void refuse(const Asked& asked, const ApiError& error);
  void start(Asked& asked, std::unique_ptr<AnswerWriter> writer, Plan plan);
  /// start(), once the plan's structure is compiled.
  void compile(Asked& asked, std::unique_ptr<AnswerWriter> writer, Plan plan);
  Gate& gate() const;
  ResponseShelf shelf_of(const Exchange& exchange);
  void check_host(const HttpRequest& request) const;
  void check_origin(const HttpRequest& request, HttpHeaders& headers) const;
  void take_up(Asked& asked);
  void keep(const std::string& id, const std::shared_ptr<Call>& call);
  [[nodiscard]] HttpAnswer health();
  [[nodiscard]] bool logs_requests() const {
    return settings_.log && (settings_.log_requests || settings_.log_prompts);
  }
  void note(const HttpRequest& request, std::string_view route, int status);
  void note_finished(const std::string& request, const Finished& finished) const;

  ModelPool& models_;
  ApiSettings settings_;
  std::optional<Capture> capture_;
  Metrics metrics_;
  KeptResponses responses_;
  std::vector<HealthWatch> health_;  // of each name of a model
  std::atomic<bool> draining_{false};
  std::mutex mutex_;
  std::list<std::weak_ptr<Call>> calls_;
  std::map<std::string, std::shared_ptr<Call>> kept_;  // streams that can be taken up, by their answer's id
  Background compiles_;                                // last: its jobs use all of the above
};

}  // namespace dsa::server
