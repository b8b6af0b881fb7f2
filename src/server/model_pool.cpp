#include "server/model_pool.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "base/log.h"
#include "base/numeric.h"

namespace dsa::server {
namespace {

constexpr std::size_t kMostWaitForModels = 256;

std::string mib_text(std::int64_t bytes) { return fmt::format("{} MiB", ceil_div(bytes, 1 << 20)); }

void add_counts(EngineStatus& out, const EngineStatus& more) {
  for (const auto count :
       {&EngineStatus::steps, &EngineStatus::prompt_tokens, &EngineStatus::computed_tokens,
        &EngineStatus::ram_tokens, &EngineStatus::disk_tokens, &EngineStatus::written_tokens,
        &EngineStatus::drafted_tokens, &EngineStatus::accepted_tokens, &EngineStatus::put_away})
    out.*count += more.*count;
  out.pass_ms += more.pass_ms;
  out.indexer_ms += more.indexer_ms;
  for (std::size_t i = 0; i < std::size(out.finished); ++i) out.finished[i] += more.finished[i];
  out.attention.sparse_rows += more.attention.sparse_rows;
  out.attention.dense_rows += more.attention.dense_rows;
}

ApiError not_loaded(const std::string& id) {
  return {503, "model_unavailable",
          fmt::format("the model \"{}\" cannot be loaded: the server's log says why", id), "model"};
}

}  // namespace

std::string_view name(Presence presence) {
  switch (presence) {
    case Presence::absent:
      return "absent";
    case Presence::waiting:
      return "waiting";
    case Presence::loading:
      return "loading";
    case Presence::loaded:
      return "loaded";
    case Presence::leaving:
      return "leaving";
  }
  return "";
}

ModelPool::ModelPool(std::vector<PooledModel> models, std::int64_t budget_bytes)
    : budget_bytes_(budget_bytes) {
  for (PooledModel& model : models) add({.about = std::move(model)});
  thread_ = std::thread([this] { work(); });
}

ModelPool::ModelPool(std::span<const ServedModel> models)
    : budget_bytes_(std::numeric_limits<std::int64_t>::max()) {
  for (std::size_t i = 0; i < models.size();) {
    std::size_t end = i;
    PooledModel about{.stays = true};
    for (; end < models.size() && &models[end].engine == &models[i].engine; ++end)
      about.cards.push_back(card_of(models[end]));
    add({.about = std::move(about),
         .models = models.subspan(i, end - i),
         .presence = Presence::loaded,
         .idle_since = Clock::now(),
         .loads = 1});
    i = end;
  }
}

// Requests that engines still hold let go of their models as those end: nothing may be locked then.
ModelPool::~ModelPool() {
  end_waits();
  {
    const Lock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  for (const auto& slot : slots_) slot->resident = nullptr;
}

void ModelPool::add(Slot slot) {
  slots_.push_back(std::make_unique<Slot>(std::move(slot)));
  Slot& own = *slots_.back();
  own.first_card = cards_.size();
  for (const ModelCard& card : own.about.cards) {
    cards_.push_back(card);
    slot_of_card_.push_back(&own);
  }
}

ModelPool::Slot& ModelPool::slot_of(std::size_t card) {
  DSA_CHECK(card < slot_of_card_.size());
  return *slot_of_card_[card];
}

void ModelPool::load_those_that_stay() {
  Lock lock(mutex_);
  for (const auto& slot : slots_) {
    if (!slot->about.stays || slot->presence == Presence::loaded) continue;
    slot->presence = Presence::loading;
    if (used_bytes() > budget_bytes_)
      fail("model \"{}\" needs {} of memory, and {} of the {} for models are left: raise `memory`",
           slot->about.cards.front().id, mib_text(slot->about.bytes),
           mib_text(std::max<std::int64_t>(budget_bytes_ - used_bytes() + slot->about.bytes, 0)),
           mib_text(budget_bytes_));
    bring_in(lock, *slot);
    for (std::size_t i = 0; i < slot->models.size(); ++i)  // what memory held decides, too
      slot->about.cards[i] = cards_[slot->first_card + i] = card_of(slot->models[i]);
  }
}

HeldModel ModelPool::held(Slot& slot, std::size_t card) {
  const ServedModel& model = slot.models[card - slot.first_card];
  if (slot.resident == nullptr) return {HeldModel(), &model};  // it is not ours, and may outlive us
  ++slot.holds;
  return {&model, [this, &slot](const ServedModel*) { release(slot); }};
}

void ModelPool::release(Slot& slot) {
  {
    const Lock lock(mutex_);
    if (--slot.holds > 0) return;
    slot.idle_since = Clock::now();
  }
  changed_.notify_all();
}

HeldModel ModelPool::hold(std::size_t card) {
  const Lock lock(mutex_);
  Slot& slot = slot_of(card);
  if (slot.presence != Presence::loaded || slot.chosen) return nullptr;
  return held(slot, card);
}

// Those that stay leave so much to the others.
void ModelPool::check_fits(std::size_t card) const {
  const std::int64_t needed = slot_of_card_.at(card)->about.bytes;
  std::int64_t most = budget_bytes_;
  for (const auto& slot : slots_)
    if (slot->about.stays) most -= slot->about.bytes;
  if (ended_) throw draining_error();
  if (needed > most)
    throw ApiError(503, "model_too_large",
                   fmt::format("the model \"{}\" needs {} of memory, and there are {} for models that come "
                               "and go: give it a smaller `ctx`, or raise the server's `memory`",
                               cards_[card].id, mib_text(needed), mib_text(std::max<std::int64_t>(most, 0))),
                   "model");
  if (waiters_.size() < kMostWaitForModels) return;
  ApiError full(503, "overloaded", fmt::format("{} requests wait for models", waiters_.size()));
  full.retry_after_s = 5;
  throw full;
}

void ModelPool::check(std::size_t card) const {
  const Lock lock(mutex_);
  check_fits(card);
}

void ModelPool::load(std::size_t card, Then then) {
  HeldModel model;
  {
    const Lock lock(mutex_);
    Slot& slot = slot_of(card);
    if (slot.presence == Presence::loaded && !slot.chosen) {
      model = held(slot, card);
    } else {
      check_fits(card);
      waiters_.push_back({card, std::move(then)});
      if (slot.presence == Presence::absent) slot.presence = Presence::waiting;
      if (slot.presence != Presence::loading && std::ranges::find(wanted_, &slot) == wanted_.end())
        wanted_.push_back(&slot);
    }
  }
  if (model) return then(std::move(model), nullptr);
  changed_.notify_all();
}

std::int64_t ModelPool::used_bytes() const {
  std::int64_t used = 0;
  for (const auto& slot : slots_)
    if (slot->presence >= Presence::loading) used += slot->about.bytes;
  return used;
}

EngineStatus ModelPool::counted(const Slot& slot) const {
  EngineStatus status;
  if (slot.presence == Presence::loaded) status = slot.models.front().engine.status();
  add_counts(status, slot.before);
  return status;
}

ModelState ModelPool::told(const Slot& slot) const {
  ModelState state{.cards = slot.about.cards,
                   .presence = slot.presence,
                   .stays = slot.about.stays,
                   .bytes = slot.about.bytes,
                   .loads = slot.loads,
                   .status = counted(slot),
                   .speed = slot.speed.speed()};
  if (slot.presence != Presence::loaded || slot.holds > 0) return state;
  const auto idle = Clock::now() - slot.idle_since;
  state.idle_s = std::chrono::duration<double>(idle).count();
  if (!slot.about.stays && slot.about.idle_for.count() > 0)
    state.leaves_in_s = std::max(0.0, std::chrono::duration<double>(slot.about.idle_for - idle).count());
  return state;
}

std::vector<ModelState> ModelPool::states() const {
  const Lock lock(mutex_);
  std::vector<ModelState> out;
  for (const auto& slot : slots_) out.push_back(told(*slot));
  return out;
}

ModelState ModelPool::state(std::size_t card) const {
  const Lock lock(mutex_);
  return told(*slot_of_card_.at(card));
}

void ModelPool::note_speed() {
  const Lock lock(mutex_);
  for (const auto& slot : slots_) slot->speed.note(counted(*slot), Clock::now());
}

void ModelPool::refuse_waiters() {
  std::deque<Waiter> waiters;
  {
    const Lock lock(mutex_);
    ended_ = true;
    waiters = std::exchange(waiters_, {});
    for (Slot* slot : std::exchange(wanted_, {}))
      if (slot->presence == Presence::waiting) slot->presence = Presence::absent;
  }
  changed_.notify_all();
  const ApiError why = draining_error();
  for (Waiter& waiter : waiters) waiter.then(nullptr, &why);
}

void ModelPool::drain(std::chrono::milliseconds wait) {
  refuse_waiters();
  const Lock lock(mutex_);
  for (const auto& slot : slots_)
    if (slot->presence == Presence::loaded) slot->models.front().engine.drain(wait);
}

void ModelPool::end_waits() {
  refuse_waiters();
  Lock lock(mutex_);
  changed_.wait(lock, [&] { return !calling_; });
}

bool ModelPool::is_loading() const {
  const Lock lock(mutex_);
  return std::ranges::any_of(slots_, [](const auto& slot) {
    return slot->presence == Presence::loading || slot->presence == Presence::leaving;
  });
}

// One that nobody has asked for long enough; else when to look again.
ModelPool::Slot* ModelPool::expired(std::optional<Clock::time_point>& next) {
  const auto now = Clock::now();
  for (const auto& slot : slots_) {
    const PooledModel& about = slot->about;
    if (slot->presence != Presence::loaded || slot->holds > 0 || about.stays || about.idle_for.count() == 0)
      continue;
    const auto end = slot->idle_since + about.idle_for;
    if (end <= now) return slot.get();
    next = std::min(next.value_or(end), end);
  }
  return nullptr;
}

void ModelPool::work() {
  Lock lock(mutex_);
  while (!stop_) {
    std::optional<Clock::time_point> next;
    if (!wanted_.empty()) {
      serve_first(lock);
    } else if (Slot* slot = expired(next)) {
      put_out(lock, *slot);
    } else if (next) {
      changed_.wait_until(lock, *next);
    } else {
      changed_.wait(lock);
    }
  }
}

// Of those that are wanted.
void ModelPool::serve_first(Lock& lock) {
  Slot& slot = *wanted_.front();
  if (slot.presence == Presence::loaded) {  // it was to go, and need not
    slot.chosen = false;
    wanted_.pop_front();
    return tell(lock, slot, nullptr);
  }
  if (!make_room(lock, slot)) return changed_.wait(lock);
  std::erase(wanted_, &slot);
  if (ended_) return;
  slot.presence = Presence::loading;
  try {
    bring_in(lock, slot);
    tell(lock, slot, nullptr);
  } catch (const std::exception& error) {
    const std::string id = slot.about.cards.front().id;
    warn("model \"{}\": {}", id, error.what());
    const ApiError why = not_loaded(id);
    tell(lock, slot, &why);
  }
}

// Whether it is there.  Else those that have to go are chosen, or have been: as few as possible of those that
// were idle longest, and only if no idle ones are left of those that are busy.
bool ModelPool::make_room(Lock& lock, const Slot& wanted) {
  std::vector<Slot*> others;
  std::int64_t left = budget_bytes_ - used_bytes();
  for (const auto& slot : slots_) {
    if (slot->presence != Presence::loaded || slot->about.stays) continue;
    others.push_back(slot.get());
  }
  std::ranges::stable_sort(others, [](const Slot* a, const Slot* b) {
    if (a->chosen != b->chosen) return a->chosen;
    if ((a->holds > 0) != (b->holds > 0)) return b->holds > 0;
    return a->idle_since < b->idle_since;
  });
  for (Slot* slot : others) {
    if (left >= wanted.about.bytes) break;
    slot->chosen = true;
    left += slot->about.bytes;
  }
  for (Slot* slot : others)
    if (slot->chosen && slot->holds == 0) put_out(lock, *slot);
  return budget_bytes_ - used_bytes() >= wanted.about.bytes;
}

void ModelPool::put_out(Lock& lock, Slot& slot) {
  slot.before = counted(slot);
  for (auto* gauge : {&slot.before.queued, &slot.before.reading, &slot.before.writing}) *gauge = 0;
  slot.presence = Presence::leaving;  // its memory is not free yet
  auto resident = std::move(slot.resident);
  slot.models = {};
  lock.unlock();
  resident = nullptr;
  lock.lock();
  slot.chosen = false;
  slot.presence = std::ranges::find(wanted_, &slot) == wanted_.end() ? Presence::absent : Presence::waiting;
}

void ModelPool::bring_in(Lock& lock, Slot& slot) {
  lock.unlock();
  std::unique_ptr<ResidentModel> resident;
  try {
    resident = slot.about.load();
  } catch (...) {
    lock.lock();
    slot.presence = Presence::absent;
    throw;
  }
  lock.lock();
  slot.resident = std::move(resident);
  slot.models = slot.resident->models();
  DSA_CHECK(slot.models.size() == slot.about.cards.size());
  slot.presence = Presence::loaded;
  slot.idle_since = Clock::now();
  ++slot.loads;
}

void ModelPool::tell(Lock& lock, Slot& slot, const ApiError* why) {
  std::vector<std::pair<Then, HeldModel>> told;
  std::erase_if(waiters_, [&](Waiter& waiter) {
    if (slot_of_card_[waiter.card] != &slot) return false;
    told.emplace_back(std::move(waiter.then), why == nullptr ? held(slot, waiter.card) : nullptr);
    return true;
  });
  calling_ = true;
  lock.unlock();
  for (auto& [then, model] : told) then(std::move(model), why);
  told.clear();
  lock.lock();
  calling_ = false;
  changed_.notify_all();
}

}  // namespace dsa::server
