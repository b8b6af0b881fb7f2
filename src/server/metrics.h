// What /metrics tells, in Prometheus' text format.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/request.h"
#include "server/model_pool.h"

namespace dsa::server {

/// Counts by upper bounds, as Prometheus has them.  Not thread-safe.
class Histogram {
 public:
  /// Ascending; must outlive this.
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}
  void observe(double value);
  /// Its lines, under that name.
  void print(std::string& out, std::string_view name, std::string_view labels) const;

 private:
  std::span<const double> bounds_;
  std::vector<std::int64_t> counts_;
  double sum_ = 0;
};

/// When a choice's tokens came.
struct TokenClock {
  std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
  std::optional<std::chrono::steady_clock::time_point> last = std::nullopt;
};

/// Thread-safe.  Knows numbers, never texts.
class Metrics {
 public:
  Metrics();

  void answered(std::string_view route, int status);
  void client_gone() { ++clients_gone_; }
  void token(TokenClock& clock);
  void finished(const TokenClock& clock, const Finished& finished);

  /// The whole page: these, and what each model's engine counts.
  [[nodiscard]] std::string text(std::span<const ModelState> models) const;

 private:
  std::atomic<std::int64_t> clients_gone_{0};
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::int64_t> answers_;  // by route and status
  Histogram first_token_;
  Histogram between_tokens_;
  Histogram queued_;
  Histogram whole_;
  Histogram prompt_tokens_;
  Histogram answer_tokens_;
};

}  // namespace dsa::server
