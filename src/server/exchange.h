// One request being answered: what the handler says, until the connection has sent it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "server/http_message.h"

namespace dsa::server {

struct Caller;

/// Between the thread that answers and the one that writes.  Thread-safe; nothing here blocks.
/// Answered once: by send(), or by begin(), any number of write() and end().  What comes later is ignored.
class Exchange {
 public:
  /// `unread_bytes`: a stream of which the client leaves more than this unread is dropped.
  explicit Exchange(std::size_t unread_bytes) : unread_bytes_(unread_bytes) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// Who asks: null where no keys are asked for.  Set before it is answered, then only read.
  std::shared_ptr<const Caller> caller;

  // For who answers.

  /// The whole answer.
  void send(HttpAnswer answer);
  /// The beginning of a stream; head.body is ignored.  `keep_alive` is sent whenever the stream is silent for
  /// long; "": nothing is.  A second call does nothing.
  void begin(HttpAnswer head, std::string keep_alive);
  /// More of the stream; text that the client has not taken yet is sent together.
  void write(std::string_view text);
  void end();
  /// So much more may be unread: a stream that is taken up sends at once what was missed.
  void allow(std::size_t bytes);
  /// `then` is called once if the client goes away or is dropped before the end: at once if it has, else from
  /// another thread.  One at a time: it takes the last one's place.
  void on_gone(std::function<void()> then);

  // For the connection.

  struct Output {
    std::optional<HttpAnswer> head;  // to be sent now, first
    bool stream = false;             // the head began a stream
    std::string text;                // of the stream, to be sent now
    bool end = false;                // nothing comes after this
    bool dropped = false;            // the client was too slow
  };
  /// What there is to send.
  Output take();
  [[nodiscard]] std::string keep_alive() const;
  [[nodiscard]] bool dropped() const;  // the client was too slow
  /// `wake` is called, with this locked, whenever take() has something new.
  void set_wake(std::function<void()> wake);
  /// The client went away: nothing more is kept for it unless the whole answer comes at once.
  void vanish();
  /// The connection is done with this: no wake from now on.
  void detach();

 private:
  enum class Phase : std::uint8_t { waiting, streaming, ended };
  void wake() const {
    if (wake_) wake_();
  }

  std::size_t unread_bytes_;
  mutable std::mutex mutex_;
  Phase phase_ = Phase::waiting;
  bool is_stream_ = false;
  bool gone_ = false;
  bool dropped_ = false;
  std::optional<HttpAnswer> head_;
  std::string text_;
  std::string keep_alive_;
  std::function<void()> wake_;
  std::function<void()> on_gone_;
};

}  // namespace dsa::server
