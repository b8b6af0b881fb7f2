// Cuts text into words, inside which BPE merges.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/function_ref.h"

namespace dsa {

/// A chain of splits: each cuts every piece the one before left into its matches and what lies between them.
/// Immutable; any number of threads may share one.
class PreTokenizer {
 public:
  /// Names from split_table.h; an unknown one is a bug.
  explicit PreTokenizer(std::span<const std::string_view> splits);
  PreTokenizer(PreTokenizer&&) noexcept;
  PreTokenizer& operator=(PreTokenizer&&) noexcept;
  ~PreTokenizer();

  /// Calls `word` for each word of `valid` (UTF-8) in order; joined they are `valid`.  None is empty.
  void split(std::string_view valid, FunctionRef<void(std::string_view)> word) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace dsa
