#include "engine/step_engine.h"

#include <algorithm>
#include <numeric>
#include <ranges>
#include <utility>

#include "base/numeric.h"
#include "sampling/stop_matcher.h"

namespace dsa {
namespace {

constexpr std::int64_t kLogitsFloats = std::int64_t{16} << 20;   // of one sequence in a pass
constexpr std::int64_t kDiskPagesIdle = 32, kDiskPagesBusy = 2;  // read from a store between two passes
constexpr double kSaveShare = 0.01;  // of the time, for pages on their way to a store
constexpr std::int32_t kMostChoices = 128;

// Of rows from position `first` on that all ran: what the first `kept` of them were.
AttentionCounters of_kept(AttentionCounters all, const SelectionRule& rule, std::int64_t first,
                          std::int64_t kept, std::int64_t rows) {
  const std::int64_t layers = (all.sparse_rows + all.dense_rows) / rows;
  for (std::int64_t at = first + kept; at < first + rows; ++at)
    (rule.selects(at + 1) ? all.sparse_rows : all.dense_rows) -= layers;
  return all;
}

template <class... Args>
[[noreturn]] void refuse(Refused why, fmt::format_string<Args...> format, Args&&... args) {
  throw RequestError(why, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace

StepEngine::StepEngine(Runner& runner, const Tokenizer& tokenizer, EngineOptions options)
    : runner_(runner),
      tokenizer_(tokenizer),
      options_(std::move(options)),
      limits_(runner.limits()),
      cache_(runner, options_.store),
      scratch_(limits_.vocabulary) {
  options_.max_running = std::min(options_.max_running, limits_.rows);
  if (options_.speculation == Speculation::mtp || options_.speculation == Speculation::automatic)
    for (std::int64_t i = limits_.mtp_places; i > 0; --i)
      free_mtp_.push_back(static_cast<std::int32_t>(i - 1));
  for (const auto place : free_mtp_) runner_.forget_mtp(place);
  status_.pages = limits_.pages;
  status_.last_step = options_.clock();
}

void StepEngine::check(const Request& request) const {
  const auto prompt = std::ssize(request.prompt);
  if (prompt == 0) refuse(Refused::invalid, "the prompt is empty: give at least one token");
  if (prompt > limits_.context)
    refuse(Refused::context_length,
           "the prompt has {} tokens, the context holds {}: shorten it or raise `context`", prompt,
           limits_.context);
  const auto in_vocabulary = [&](std::int32_t id) { return id >= 0 && id < limits_.vocabulary; };
  for (const auto id : request.prompt)
    if (!in_vocabulary(id))
      refuse(Refused::invalid, "token id {} is outside the vocabulary of {}", id, limits_.vocabulary);
  if (request.choices < 1 || request.choices > kMostChoices)
    refuse(Refused::invalid, "`n` {}: expected 1 to {}", request.choices, kMostChoices);
  if (const auto& thinking = request.thinking) {
    if (thinking->end.empty() || !std::ranges::all_of(thinking->end, in_vocabulary))
      refuse(Refused::invalid, "`thinking_budget`: the model has no token that ends its reasoning");
  }
  try {
    request.sampling.validate(limits_.vocabulary);
    StopMatcher matcher(request.stop_strings);
    runner_.check(request.run);
  } catch (const Error& error) {
    throw RequestError(Refused::invalid, error.what());
  }
}

void StepEngine::add(std::shared_ptr<const Submission> submission) {
  status_.prompt_tokens += std::ssize(submission->request.prompt) * submission->request.choices;
  for (std::int32_t choice = 0; choice < submission->request.choices; ++choice) {
    const std::int64_t id = next_id_++;
    waiting_.emplace(id, std::make_unique<Sequence>(id, submission, choice, tokenizer_, limits_.vocabulary));
  }
}

Candidate StepEngine::candidate(const Sequence& s) const {
  return {.id = s.id(),
          .priority = s.request().priority,
          .pending = s.pending(),
          .writing = s.writing(),
          .waited = ms_between(s.asked().submitted, options_.clock()) / 1000};
}

void StepEngine::end_cancelled() {
  std::vector<std::int64_t> gone;
  for (const auto* place : {&waiting_, &running_})
    for (const auto& [id, sequence] : *place)
      if (sequence->cancelled()) gone.push_back(id);
  for (const auto id : gone) finish(id, FinishReason::cancelled);
}

// Whoever comes first and finds no room is waited for.
void StepEngine::admit() {
  if (waiting_.empty()) return;
  std::vector<Candidate> order;
  for (const auto& [id, sequence] : waiting_) order.push_back(candidate(*sequence));
  by_urgency(order);
  for (const Candidate& next : order) {
    if (std::ssize(running_) >= options_.max_running) return;
    Sequence& s = *waiting_.at(next.id);
    const std::int64_t pages = ceil_div(std::min(s.size() + 1, limits_.context), kPageTokens);
    if (pages > cache_.available() && !running_.empty()) return;
    const PageKey root = options_.root ? options_.root(s.request().tenant) : PageKey{};
    s.own = cache_.begin(root, runner_.rule(s.request().run));
    if (!free_mtp_.empty()) {
      s.mtp_place = free_mtp_.back();
      free_mtp_.pop_back();
    }
    if (s.answer().empty()) s.start(options_.clock());
    running_.insert(waiting_.extract(next.id));
  }
}

std::vector<Candidate> StepEngine::candidates() {
  const bool busy = std::ranges::any_of(running_, [](const auto& place) { return place.second->writing(); });
  std::int64_t disk_pages = busy ? kDiskPagesBusy : kDiskPagesIdle;
  std::vector<Candidate> out;
  for (const auto& [id, s] : running_) out.push_back(candidate(*s));
  by_urgency(out);
  std::erase_if(out, [&](Candidate& c) {
    Sequence& s = *running_.at(c.id);
    if (c.writing) return false;
    if (s.request().prompt_log_probs) return false;
    const std::int64_t before = s.own.disk_tokens, ram = s.own.ram_tokens;
    const auto found = cache_.find(s.own, s.tokens(), disk_pages);
    status_.disk_tokens += s.own.disk_tokens - before;
    status_.ram_tokens += s.own.ram_tokens - ram;
    c.pending = s.pending();
    c.work = cache_.next_work(s.own, s.tokens());
    return found == PagedCache::Found::more;
  });
  return out;
}

bool StepEngine::reserve(const std::vector<Share>& shares) {
  for (const Share& share : shares) {
    Sequence& s = *running_.at(share.id);
    if (cache_.reserve(s.own, s.own.computed + share.rows)) continue;
    if (running_.size() == 1) {
      finish(share.id, FinishReason::failed, "the cache has no page left for a single answer");
      return false;
    }
    // The least urgent makes room: of the lowest priority the one that came last.
    const auto least = std::ranges::min_element(running_, [](const auto& a, const auto& b) {
      const auto of = [](const auto& place) {
        return std::pair(place.second->request().priority, -place.first);
      };
      return of(a) < of(b);
    });
    put_away(least->first);
    return false;
  }
  return true;
}

void StepEngine::put_away(std::int64_t id) {
  Sequence& s = *running_.at(id);
  cache_.release(s.own, s.tokens());
  give_back_mtp_place(s);
  s.put_away();
  ++status_.put_away;
  waiting_.insert(running_.extract(id));
}

bool StepEngine::step() {
  end_cancelled();
  admit();
  if (running_.empty()) return save(/*budget_ms=*/50);
  while (!running_.empty()) {
    const auto urgent = candidates();
    const auto writers = std::ranges::count_if(urgent, &Candidate::writing);
    const std::int64_t readers = std::ssize(running_) - writers + std::ssize(waiting_);
    const auto shares = plan(urgent, limits_.rows, pace_.piece(writers, readers, limits_.rows));
    if (shares.empty()) return true;  // pages are on their way from the store
    if (!reserve(shares)) continue;
    draft(shares);
    return run(shares);
  }
  return true;
}

// While something is read that fills the pass as well as guesses would, and what answers take alone is to be
// seen.  Nobody makes room for a guess, and while pages are scarce none takes one.
void StepEngine::draft(const std::vector<Share>& shares) {
  if (options_.speculation == Speculation::off || shares.size() < running_.size()) return;
  const auto writing = [&](const Share& share) { return running_.at(share.id)->writing(); };
  if (!std::ranges::all_of(shares, writing)) return;
  const std::int64_t writers = std::ssize(shares);
  const double price = pace_.draft_price(writers), own_price = pace_.own_draft_price(writers);
  std::int64_t rows = std::min(limits_.rows, kLogitsFloats / limits_.vocabulary) - writers;
  for (const Share& share : shares) {
    Sequence& s = *running_.at(share.id);
    const std::int64_t pages = std::ssize(s.own.pages) + (cache_.available() > writers ? 1 : 0);
    std::int64_t most =
        std::min({rows, s.left() - 1, std::min(limits_.context, pages * kPageTokens) - s.size()});
    if (s.traced()) most = 0;  // what is selected for a token is told of the last row of a pass
    DraftPrices prices;
    if (options_.speculation != Speculation::mtp) prices.copied = price;
    if (s.mtp_place && pace_.alone_ms(writers) > 0) prices.own = own_price;
    const std::int64_t own =
        s.drafter.draft(s.tokens(), std::max<std::int64_t>(most, 0), s.request().stop_tokens, prices);
    if (own > 0) own_drafts_.push_back({.sequence = &s, .guesses = {}, .wanted = own});
    const std::int64_t guesses = own + std::ssize(s.drafter.guesses());
    DSA_CHECK(cache_.reserve(s.own, s.size() + guesses));
    rows -= guesses;
  }
  guess();
}

void StepEngine::guess() {
  if (own_drafts_.empty()) return;
  asks_.clear();
  for (OwnDraft& draft : own_drafts_)
    asks_.push_back({.place = *draft.sequence->mtp_place,
                     .tokens = draft.sequence->tokens(),
                     .guesses = std::span(draft.guesses).first(usize(draft.wanted))});
  const auto start = options_.clock();
  runner_.guess(asks_);
  const double took = ms_between(start, options_.clock());
  std::int64_t made = 0;
  bool caught_up = false;  // on more than what the last pass wrote
  for (std::size_t i = 0; i < asks_.size(); ++i) {
    Sequence& s = *own_drafts_[i].sequence;
    made += asks_[i].made;
    caught_up = caught_up || asks_[i].read > DraftPolicy::kMostOwn + 1;
    s.drafter.add(asks_[i].guesses.first(usize(asks_[i].made)), s.request().stop_tokens);
  }
  if (made > 0 && !caught_up) pace_.learn_own(made, took);
  status_.pass_ms += took;
  own_drafts_.clear();
}

void StepEngine::give_back_mtp_place(Sequence& s) {
  if (!s.mtp_place) return;
  runner_.forget_mtp(*s.mtp_place);
  free_mtp_.push_back(*s.mtp_place);
  s.mtp_place.reset();
}

bool StepEngine::run(const std::vector<Share>& shares) {
  std::vector<SequenceSlice> slices;
  std::vector<std::vector<std::int32_t>> wanted(shares.size());
  std::vector<std::int64_t> rows;
  std::int64_t writers = 0, drafted = 0, read = 0, logits_rows = 0;
  std::int64_t batch_rows = 0;
  watch_.clear();
  for (std::size_t i = 0; i < shares.size(); ++i) {
    Sequence& s = *running_.at(shares[i].id);
    std::int64_t count = shares[i].rows;
    auto tokens = s.tokens().subspan(usize(s.own.computed), usize(count));
    if (!s.drafter.line().empty()) {
      tokens = s.drafter.line();
      count = std::ssize(tokens);
    }
    const bool of_prompt = s.request().prompt_log_probs && s.answer().empty();
    if (of_prompt) count = std::min(count, std::max<std::int64_t>(kLogitsFloats / limits_.vocabulary, 1));
    if (of_prompt || s.writing()) {
      wanted[i].resize(usize(count));
      std::iota(wanted[i].begin(), wanted[i].end(), 0);
    } else if (count == s.pending()) {
      wanted[i] = {static_cast<std::int32_t>(count - 1)};
    }
    if (s.writing()) {
      ++writers;
      drafted += count - 1;
    } else {
      read += count;
    }
    if (s.traced() && count == s.pending()) watch_.look_at(s.id(), batch_rows + count - 1, s.size());
    batch_rows += count;
    logits_rows += std::ssize(wanted[i]);
    rows.push_back(count);
    slices.push_back({.tokens = tokens.first(usize(count)),
                      .first_position = s.own.computed,
                      .page_table = s.own.pages,
                      .logits_rows = wanted[i],
                      .run = s.request().run,
                      .mtp_place = s.mtp_place,
                      .cancel = s.asked().cancelled.get()});
  }
  if (const auto floats = usize(logits_rows * limits_.vocabulary); logits_.size() < floats)
    logits_.resize(floats);
  const TensorView<float, 2> logits(logits_.data(), {logits_rows, limits_.vocabulary});
  std::vector<SequenceStatus> status(shares.size());

  const auto start = options_.clock();
  forward(slices, logits, status);
  const auto end = options_.clock();
  const double took = ms_between(start, end);
  if (std::ranges::all_of(status, &SequenceStatus::ok)) learn_pace(writers, drafted, read, took);
  ++status_.steps;
  status_.pass_ms += took;
  status_.indexer_ms = runner_.indexer_ms();
  status_.last_step = end;

  std::int64_t row = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (status[i].outcome == PassOutcome::refused) wanted[i].clear();
    const std::int64_t count = std::ssize(wanted[i]);
    Sequence& s = *running_.at(shares[i].id);
    if (const Selected* selected = watch_.of(s.id()); selected != nullptr && status[i].ok())
      s.tell_selected(*selected);
    take(s, rows[i], status[i], logits.slice(row, count));
    row += count;
  }
  save_credit_ms_ = std::min(save_credit_ms_ + took * kSaveShare, 1000.0);
  if (save_credit_ms_ > 0) save(/*budget_ms=*/0);
  return true;
}

void StepEngine::learn_pace(std::int64_t writers, std::int64_t drafted, std::int64_t read, double took) {
  if (drafted > 0)
    pace_.learn_drafts(writers, drafted, took);
  else
    pace_.learn(writers, read, took);
}

void StepEngine::forward(std::span<const SequenceSlice> slices, TensorView<float, 2> logits,
                         std::span<SequenceStatus> status) {
  const bool shown = !watch_.idle();
  if (shown)
    runner_.show_selections([this](std::int64_t layer, TensorView<std::int32_t, 2> idx,
                                   std::span<std::int32_t> count) { watch_.take(layer, idx, count); });
  runner_.forward({.sequences = slices}, logits, status);
  if (shown) runner_.show_selections({});
  // A sequence without rows: those of the others were elsewhere.
  const auto refused = [](const SequenceStatus& one) { return one.outcome == PassOutcome::refused; };
  if (std::ranges::any_of(status, refused)) watch_.clear();
}

void StepEngine::take(Sequence& s, std::int64_t rows, const SequenceStatus& status,
                      TensorView<float, 2> logits) {
  if (status.outcome == PassOutcome::cancelled) return finish(s.id(), FinishReason::cancelled);
  // It may be a guess that cannot be computed: once more without.
  if (!status.ok() && !s.drafter.guesses().empty()) return s.drafter.stop();
  if (!status.ok()) return finish(s.id(), FinishReason::failed, runner_.why(status));
  if (s.writing()) return take_written(s, status, logits);
  const std::int64_t first = s.own.computed;
  s.attention += status.attention;
  status_.attention += status.attention;
  if (s.answer().empty()) status_.computed_tokens += rows;
  cache_.computed(s.own, s.tokens(), rows);
  if (s.answer().empty()) s.tell_reading();
  if (s.request().prompt_log_probs && s.answer().empty()) s.tell_prompt(first + 1, logits);
  if (s.pending() > 0) return;
  if (s.answer().empty()) cache_.share(s.own, s.tokens());
  const std::int64_t before = s.size();
  const auto over = s.advance(logits.span(logits.rows() - 1), scratch_, limits_.context, options_.clock());
  status_.written_tokens += s.size() - before;
  if (over) finish(s.id(), *over);
}

// The row behind a guess is the answer's as long as the model says the guess; what follows the first wrong
// one is written over.
void StepEngine::take_written(Sequence& s, const SequenceStatus& status, TensorView<float, 2> logits) {
  const auto guesses = s.drafter.guesses();
  const std::int64_t first = s.own.computed, drafted = std::ssize(guesses), before = s.size();
  const EngineTime now = options_.clock();
  std::optional<FinishReason> over;
  std::int64_t accepted = 0;
  while (true) {
    cache_.computed(s.own, s.tokens(), 1);
    over = s.advance(logits.span(accepted), scratch_, limits_.context, now);
    if (over || accepted == drafted || s.tokens().back() != guesses[usize(accepted)]) break;
    ++accepted;
  }
  const auto attention = of_kept(status.attention, s.own.rule, first, 1 + accepted, 1 + drafted);
  s.attention += attention;
  status_.attention += attention;
  s.drafter.learn(accepted);
  status_.drafted_tokens += drafted;
  status_.accepted_tokens += accepted;
  status_.written_tokens += s.size() - before;
  if (over) finish(s.id(), *over);
}

void StepEngine::finish(std::int64_t id, FinishReason reason, std::string error) {
  auto place = running_.extract(id);
  if (place) {
    cache_.release(place.mapped()->own, place.mapped()->tokens());
    give_back_mtp_place(*place.mapped());
  } else {
    place = waiting_.extract(id);
  }
  ++status_.finished[static_cast<std::size_t>(reason)];
  place.mapped()->finish(reason, std::move(error), options_.clock());
}

void StepEngine::finish_all(FinishReason reason, const std::string& error) {
  while (!running_.empty()) finish(running_.begin()->first, reason, error);
  while (!waiting_.empty()) finish(waiting_.begin()->first, reason, error);
}
void StepEngine::fail_all(const std::string& why) { finish_all(FinishReason::failed, why); }
void StepEngine::cancel_all() { finish_all(FinishReason::cancelled, {}); }

std::int64_t StepEngine::waiting_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& [id, s] : waiting_) bytes += s->size() * static_cast<std::int64_t>(sizeof(std::int32_t));
  return bytes;
}

bool StepEngine::has_unsaved() const {
  return options_.store != nullptr && cache_.tree().unsaved() != nullptr;
}

// False: nothing was saved.
bool StepEngine::save(double budget_ms) {
  const auto start = options_.clock();
  bool any = false;
  double took = 0;
  do {
    if (!cache_.save_one()) break;
    any = true;
    took = ms_between(start, options_.clock());
  } while (took < budget_ms + save_credit_ms_ && budget_ms > 0);
  if (budget_ms == 0) save_credit_ms_ -= took;
  return any;
}

EngineStatus StepEngine::status() const {
  EngineStatus out = status_;
  out.queued = std::ssize(waiting_);
  out.writing = std::ranges::count_if(running_, [](const auto& p) { return !p.second->answer().empty(); });
  out.reading = std::ssize(running_) - out.writing;
  out.pages_free = cache_.pool().available();
  out.pages_cached = cache_.tree().evictable();
  return out;
}

}  // namespace dsa
