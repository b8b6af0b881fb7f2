// The engine's work, a pass at a time, without a thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/pace.h"
#include "engine/paged_cache.h"
#include "engine/scheduler.h"
#include "engine/selection_watch.h"
#include "engine/sequence.h"

namespace dsa {

struct EngineOptions {
  std::int64_t max_running = 64;  // answers with a place in the cache
  Speculation speculation = Speculation::automatic;
  PageStore* store = nullptr;  // where pages go that memory does not keep; must outlive the engine
  /// Of a tenant: where its sequences begin (prefix_key.h).
  std::function<PageKey(const std::string& tenant)> root = {};
  std::function<EngineTime()> clock = [] { return std::chrono::steady_clock::now(); };
};

/// Plans a pass, runs it, samples, tells; a pure function of what it was given and of the clock, and what it
/// answers is not even one of the clock, but for an answer whose grammar takes too long (GrammarTime).  One
/// thread at a time.
class StepEngine {
 public:
  /// All must outlive it.
  StepEngine(Runner& runner, const Tokenizer& tokenizer, EngineOptions options);

  /// Throws RequestError if the request cannot be run.  From any thread.
  void check(const Request& request) const;
  /// Takes a request that was checked.
  void add(std::shared_ptr<const Submission> submission);
  /// One pass, or other work.  False: there was nothing to do.
  bool step();
  /// Ends every answer: as `failed`, with that sentence, or as `cancelled`.
  void fail_all(const std::string& why);
  void cancel_all();

  /// Of this moment; `draining` is not its business.
  [[nodiscard]] EngineStatus status() const;
  /// Of the prompts that nobody has begun to read.
  [[nodiscard]] std::int64_t waiting_bytes() const;
  /// Pages that the store had no room for yet.
  [[nodiscard]] bool has_unsaved() const;
  [[nodiscard]] const PagedCache& cache() const { return cache_; }

 private:
  using Place = std::unique_ptr<Sequence>;
  void end_cancelled();
  void admit();
  /// Finds what is in the cache; candidates of a pass, the most urgent first.
  std::vector<Candidate> candidates();
  [[nodiscard]] Candidate candidate(const Sequence& sequence) const;
  /// Pages for all shares; false if one was put away for that, and the plan is void.
  bool reserve(const std::vector<Share>& shares);
  void draft(const std::vector<Share>& shares);
  void guess();
  void give_back_mtp_place(Sequence& sequence);
  bool run(const std::vector<Share>& shares);
  void learn_pace(std::int64_t writers, std::int64_t drafted, std::int64_t read, double took);
  void forward(std::span<const SequenceSlice> slices, TensorView<float, 2> logits,
               std::span<SequenceStatus> status);
  /// What a pass did for one sequence; `logits`: the rows that it wanted.
  void take(Sequence& sequence, std::int64_t rows, const SequenceStatus& status, TensorView<float, 2> logits);
  /// Of one that writes: a token, and those that were guessed and hold.
  void take_written(Sequence& sequence, const SequenceStatus& status, TensorView<float, 2> logits);
  void put_away(std::int64_t id);
  void finish(std::int64_t id, FinishReason reason, std::string error = {});
  void finish_all(FinishReason reason, const std::string& error);
  bool save(double budget_ms);

  Runner& runner_;
  const Tokenizer& tokenizer_;
  EngineOptions options_;
  Runner::Limits limits_;
  PagedCache cache_;
  SamplerScratch scratch_;
  Pace pace_;
  SelectionWatch watch_;
  std::map<std::int64_t, Place> waiting_, running_;  // by id
  std::int64_t next_id_ = 0;
  std::vector<float> logits_;
  // Of the model's own layer: free places, and what is asked for in a pass.
  std::vector<std::int32_t> free_mtp_;
  struct OwnDraft {
    Sequence* sequence;
    std::array<std::int32_t, usize(DraftPolicy::kMostOwn)> guesses;
    std::int64_t wanted;
  };
  std::vector<OwnDraft> own_drafts_;
  std::vector<Mtp::Ask> asks_;
  double save_credit_ms_ = 0;
  EngineStatus status_;
};

}  // namespace dsa
