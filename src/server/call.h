// One call between an engine and a client: submitted, streamed, cancelled, ended.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "server/answer_writer.h"
#include "server/exchange.h"
#include "server/gate.h"
#include "server/kept_stream.h"
#include "server/metrics.h"
#include "server/model_pool.h"
#include "server/tally.h"

namespace dsa::server {

/// What a stream begins with.
HttpAnswer stream_head(HttpHeaders headers);

/// Lives as long as an event of it may come.  Thread-safe: events come from the engine's thread, the end of
/// the server from its own.
class Call : public std::enable_shared_from_this<Call> {
 public:
  /// Told of each choice as it ends; may be empty.
  using OnFinished = std::function<void(const Finished&)>;
  /// `headers`: of the answer, beside those that it needs.  `bill` null: nobody pays.  Of a call that is
  /// billed nothing of an answer is sent before it stands in the ledger.
  Call(std::shared_ptr<Exchange> exchange, std::unique_ptr<AnswerWriter> writer, HttpHeaders headers,
       Metrics& metrics, OnFinished on_finished, std::unique_ptr<accounts::Bill> bill);

  /// Submits every request of the plan to the model, which is held until all is told; a client that goes
  /// cancels them.  Throws ApiError, and nothing runs, if the engine takes one of them not.
  void start(HeldModel model, Plan plan);
  /// The server ends: the client is told now, and what the engine still says is not heard.
  void abandon(const ApiError& why);
  /// The client has been told all, and nothing is left to be done.
  [[nodiscard]] bool ended() const { return told_; }
  /// Whether it may be taken up by that caller.
  [[nodiscard]] bool is_of(const Caller* caller) const;
  /// Its stream, taken up from that event on: false if it is not there.
  bool follow(const std::shared_ptr<Exchange>& exchange, HttpHeaders headers, std::int64_t from);
  /// Nobody follows its stream, or it has ended, and nobody came for it for that long: it is cancelled.
  bool expired(std::chrono::seconds kept);

 private:
  struct Early {
    std::size_t prompt;
    Event event;
  };
  void take(std::size_t prompt, Event&& event);
  void process(std::size_t prompt, Event&& event);
  void note(std::size_t prompt, const Event& event);
  void deliver(std::string text);
  void conclude(accounts::BillEnd how, const std::function<void()>& tell);
  void fail(const ApiError& why);
  [[nodiscard]] accounts::BillEnd how_it_ended() const;
  void send(HttpAnswer answer);
  void write(std::string_view events);
  void end();
  void told();
  void cancel();

  const std::shared_ptr<Exchange> exchange_;
  mutable std::mutex mutex_;
  HeldModel model_;
  std::unique_ptr<AnswerWriter> writer_;
  HttpHeaders headers_;
  Metrics& metrics_;
  OnFinished on_finished_;
  std::shared_ptr<KeptStream> kept_;  // of a stream that can be taken up
  bool stream_ = false;
  bool started_ = false;
  bool ended_ = false;  // what still comes of the engine is not heard
  std::atomic<bool> told_{false};
  const std::unique_ptr<accounts::Bill> bill_;
  std::optional<Tally> tally_;      // of what is billed
  accounts::TokenCounts sent_;      // what the client has been sent of a stream, or will be soon
  std::string unsent_;              // the meter's thread's: what an advance that failed should have sent
  std::atomic<bool> gone_{false};   // the client
  bool failed_ = false;             // an answer, by our fault
  std::vector<Early> early_;        // what came before all were submitted
  std::vector<Handle> handles_;     // not changed once started
  std::vector<TokenClock> clocks_;  // of each choice
  std::size_t choices_ = 1;         // of a request
};

}  // namespace dsa::server
