// Work that no request may wait behind: a thread of its own, begun when first needed.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace dsa::server {

/// Thread-safe.
class Background {
 public:
  /// What is to be done; `over`: the server ends, and it is to be brief.  Must not throw.
  using Job = std::function<void(bool over)>;

  explicit Background(std::size_t most_waiting) : most_waiting_(most_waiting) {}
  /// stop(), and waits for the last job.
  ~Background();

  /// False: too many wait, or it is over.  Jobs are done one after another.
  [[nodiscard]] bool post(Job job);
  /// Does not block: jobs that have not begun are called with `over`.
  void stop();

 private:
  void work();

  std::size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace dsa::server
