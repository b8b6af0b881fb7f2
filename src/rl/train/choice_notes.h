// What a model chooses while episodes are played on it: noted as it goes, so that nothing is read again.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/model_runner.h"
#include "rl/train/trace.h"

namespace dsa::rl {

/// A model as an engine runs it.  The choices of a token are kept under the tokens that stand before it and
/// itself: whoever computes them again chooses the same.  Selections cannot be shown to anyone else.
class ChoiceNotes final : public ModelRunner {
 public:
  /// `model` must outlive it.
  explicit ChoiceNotes(LoadedModel& model);

  void forward(const Batch& batch, TensorView<float, 2> logits, std::span<SequenceStatus> status) override;
  void show_selections(decltype(ForwardHooks::selection) sink) override;
  void load_page(std::int32_t page, std::span<const std::byte> from) override;
  void copy_page(std::int32_t from, std::int32_t to) override;

  /// Of an episode that was played here, without log-probabilities.  Its last token, which nobody had to
  /// read, gets any.
  [[nodiscard]] Trace of(std::span<const std::int32_t> tokens) const;

 private:
  static constexpr std::int32_t kNobody = -1;
  /// Of a token behind others.
  struct Row {
    std::vector<std::int32_t> experts;                  // [layers with experts, slots]
    std::vector<std::vector<std::int32_t>> selections;  // by layer, where its pass selected; else none
  };
  [[nodiscard]] static std::uint64_t key(std::int32_t before, std::int32_t token);
  void note(std::int32_t node, std::int64_t row);
  void add_row(std::int64_t t, const Row& row, Trace& out) const;

  LoadedModel& model_;
  std::int64_t slots_;                                      // experts of a token
  Trace pass_;                                              // choices of the pass at hand, every row of it
  std::vector<std::int32_t> place_;                         // by page and slot: whose row it holds
  std::unordered_map<std::uint64_t, std::int32_t> behind_;  // (row before, token): row
  std::vector<Row> rows_;
};

}  // namespace dsa::rl
