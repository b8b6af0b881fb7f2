#include "server/serve.h"

#include <sys/resource.h>

#include <csignal>

#include "base/log.h"
#include "server/errors.h"

namespace dsa::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLook{50};
constexpr std::chrono::seconds kSweep{15};
constexpr std::chrono::seconds kSecond{1};
// Beyond the engine's own deadline: for what it says last.
constexpr std::chrono::milliseconds kGrace{2000};

// Each connection is a descriptor, and a shell's limit is often 1,024: we take what the system lets us have.
void raise_descriptor_limit() {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// The way to the end.  On the server's thread.
class Ending {
 public:
  Ending(HttpServer& server, Api& api, ModelPool& models, std::chrono::milliseconds wait)
      : server_(server), api_(api), models_(models), wait_(wait) {}

  void signalled() {
    if (deadline_) return cut_off();
    deadline_ = Clock::now() + wait_ + kGrace;
    api_.drain();
    models_.drain(wait_);
    look();
  }
  [[nodiscard]] ServeEnd end() const { return end_; }

 private:
  void look() {
    if (api_.running() == 0) return server_.stop();
    if (Clock::now() >= *deadline_) return cut_off();
    server_.after(kLook, [this] { look(); });
  }
  void cut_off() {
    if (api_.running() > 0) end_ = ServeEnd::abandoned;
    api_.abandon_all();
    server_.stop();
  }

  HttpServer& server_;
  Api& api_;
  ModelPool& models_;
  std::chrono::milliseconds wait_;
  std::optional<Clock::time_point> deadline_;  // once signalled
  ServeEnd end_ = ServeEnd::drained;
};

}  // namespace

ServeEnd serve(ModelPool& models, const ServeSettings& settings) {
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  Api api(models, settings.api);
  HttpServer server(
      settings.http,
      [&](HttpRequest&& request, const std::shared_ptr<Exchange>& exchange) {
        api.handle(std::move(request), exchange);
      },
      plain_error);
  Ending ending(server, api, models, settings.drain);
  server.on_signal({SIGTERM, SIGINT}, [&](int) { ending.signalled(); });
  server.on_signal({SIGHUP}, [&](int) {
    try {
      server.reload_tls();
    } catch (const Error& error) {
      warn("server: the certificate stays as it was: {}", error.what());
    }
  });
  const std::function<void()> sweep = [&] {
    api.sweep();
    server.after(kSweep, sweep);
  };
  sweep();
  const std::function<void()> note = [&] {
    models.note_speed();
    server.after(kSecond, note);
  };
  note();
  if (settings.on_ready) settings.on_ready(server.addresses());
  server.run();
  return ending.end();
}

}  // namespace dsa::server
