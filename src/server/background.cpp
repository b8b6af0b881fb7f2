#include "server/background.h"

#include <utility>

namespace dsa::server {

Background::~Background() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void Background::stop() {
  const std::scoped_lock lock(mutex_);
  over_ = true;
  changed_.notify_all();
}

bool Background::post(Job job) {
  const std::scoped_lock lock(mutex_);
  if (over_ || jobs_.size() >= most_waiting_) return false;
  jobs_.push_back(std::move(job));
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  changed_.notify_all();
  return true;
}

void Background::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return over_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    const bool over = over_;
    lock.unlock();
    job(over);
    lock.lock();
  }
}

}  // namespace dsa::server
