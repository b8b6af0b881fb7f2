// The models of a server: loaded when they are asked for, put out when nobody asks, within one budget.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "server/errors.h"
#include "server/models.h"
#include "server/speed.h"

namespace dsa::server {

/// A model in memory, with all that answers for it.
class ResidentModel {
 public:
  virtual ~ResidentModel() = default;
  /// In the order of its cards; their engine is one.
  [[nodiscard]] virtual std::span<const ServedModel> models() const = 0;
};

/// One engine, and the names by which it is asked for.
struct PooledModel {
  std::vector<ModelCard> cards = {};
  std::int64_t bytes = 0;                // of memory, while it is loaded
  std::chrono::milliseconds idle_for{};  // nobody has asked for so long: it is put out; 0: never
  bool stays = false;                    // loaded by load_those_that_stay(), and never put out
  std::function<std::unique_ptr<ResidentModel>()> load = {};  // throws Error; one call at a time
};

/// Keeps a model in memory while it is held; any number of them.  Must not outlive the pool.
using HeldModel = std::shared_ptr<const ServedModel>;

enum class Presence : std::uint8_t { absent, waiting, loading, loaded, leaving };
std::string_view name(Presence presence);  // "absent", "waiting", ...

/// What there is to tell of one engine.
struct ModelState {
  std::span<const ModelCard> cards;
  Presence presence = Presence::absent;
  bool stays = false;
  std::int64_t bytes = 0;               // that it takes while it is loaded
  std::int64_t loads = 0;               // how often it was
  double idle_s = 0;                    // since its last request ended; 0 while one runs
  std::optional<double> leaves_in_s{};  // if nobody asks
  EngineStatus status = {};             // counts are of all times that it was loaded
  Speed speed = {};
};

/// Thread-safe.
class ModelPool {
 public:
  using Clock = std::chrono::steady_clock;
  /// Called once, from any thread: with the model, or with null and why not.  Must not throw.
  using Then = std::function<void(HeldModel model, const ApiError* why)>;

  /// `budget_bytes`: of all models that are loaded at a time.
  ModelPool(std::vector<PooledModel> models, std::int64_t budget_bytes);
  /// Of models that are in memory already, and must outlive it.
  explicit ModelPool(std::span<const ServedModel> models);
  ~ModelPool();
  ModelPool(const ModelPool&) = delete;
  ModelPool& operator=(const ModelPool&) = delete;

  /// Throws Error.  To be called before anybody asks.
  void load_those_that_stay();

  /// Of all names, the default first.
  [[nodiscard]] std::span<const ModelCard> cards() const { return cards_; }
  /// Null: it is not in memory, or about to leave it.
  [[nodiscard]] HeldModel hold(std::size_t card);
  /// Throws ApiError if load() would.
  void check(std::size_t card) const;
  /// Loads it, once there is room: for that those go that have been idle longest, after the end of their
  /// requests.  Throws ApiError if there can never be room, or too many wait, or it is over.
  void load(std::size_t card, Then then);

  [[nodiscard]] std::int64_t budget_bytes() const { return budget_bytes_; }
  [[nodiscard]] std::vector<ModelState> states() const;
  [[nodiscard]] ModelState state(std::size_t card) const;
  /// To be called every second or so: speeds are of the last ten calls.
  void note_speed();

  /// Engines take nothing new and may work for `wait`; whoever waits for a model is told so.
  void drain(std::chrono::milliseconds wait);
  /// Nobody waits any more, nothing is loaded any more, and no Then is under way.
  void end_waits();
  /// Something is being loaded, for which the destructor would wait.
  [[nodiscard]] bool is_loading() const;

 private:
  struct Waiter {
    std::size_t card;
    Then then;
  };
  struct Slot {
    PooledModel about = {};
    std::size_t first_card = 0;
    std::unique_ptr<ResidentModel> resident = nullptr;
    std::span<const ServedModel> models = {};  // empty: it is not loaded
    Presence presence = Presence::absent;
    bool chosen = false;  // to leave: no new request gets it
    std::int64_t holds = 0;
    Clock::time_point idle_since = {};
    std::int64_t loads = 0;
    EngineStatus before = {};  // what engines counted that are gone
    SpeedWatch speed = {};
  };
  using Lock = std::unique_lock<std::mutex>;

  void add(Slot slot);
  Slot& slot_of(std::size_t card);
  HeldModel held(Slot& slot, std::size_t card);
  void release(Slot& slot);
  void check_fits(std::size_t card) const;
  [[nodiscard]] std::int64_t used_bytes() const;
  [[nodiscard]] EngineStatus counted(const Slot& slot) const;
  [[nodiscard]] ModelState told(const Slot& slot) const;

  void work();
  void serve_first(Lock& lock);
  Slot* expired(std::optional<Clock::time_point>& next);
  bool make_room(Lock& lock, const Slot& wanted);
  void put_out(Lock& lock, Slot& slot);
  void bring_in(Lock& lock, Slot& slot);
  void refuse_waiters();
  void tell(Lock& lock, Slot& slot, const ApiError* why);

  std::int64_t budget_bytes_;
  std::vector<ModelCard> cards_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> slot_of_card_;

  mutable std::mutex mutex_;  // guards what follows, and the slots
  std::condition_variable changed_;
  std::deque<Slot*> wanted_;
  std::deque<Waiter> waiters_;
  bool calling_ = false;  // the thread is in somebody's Then
  bool ended_ = false;    // nothing more is loaded
  bool stop_ = false;
  std::thread thread_;  // last
};

}  // namespace dsa::server
