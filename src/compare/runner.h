// A prompt, asked of both sides.
#pragma once

#include <optional>
#include <string>

#include "compare/prompts.h"
#include "compare/result.h"
#include "compare/sandbox.h"
#include "compare/speaker.h"

namespace dsa::compare {

/// The sides, and what judges them.
struct Arena {
  Speaker& a;
  Speaker& b;
  const Sandbox* sandbox = nullptr;  // null: no code is run
  Speaker* judge = nullptr;
  std::string rubric = {};
};

enum class First : std::uint8_t { a, b };

/// `first`: who is asked first, which matters to a machine's clock at most.  Nothing if `cancel` was set.
/// Throws Error, which names the prompt and the side.
std::optional<Result> ask_both(const Arena& arena, const Prompt& prompt, First first,
                               const std::atomic<bool>& cancel);

}  // namespace dsa::compare
