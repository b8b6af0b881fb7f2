// Many episodes at once on our own engine: the prompts of a group share their pages, messages of all of them
// are written in the same passes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "engine/step_engine.h"
#include "rl/episodes/played.h"

namespace dsa::rl {

struct PlaySettings {
  std::int64_t samples = 8;           // episodes of each task
  std::int64_t message_tokens = 128;  // of one message, its end included
  std::int64_t context = 512;         // of an episode
  double temperature = 1;             // 0: the likeliest token, always
  double top_p = 1;                   // tokens are chosen from the fewest that reach it
  std::uint64_t seed = 0;  // an episode's draws follow from it, its seat's place and its own number
  RunOptions run = {};
};

/// By seat: its episodes.  What is in them is a function of weights, seats and settings, whatever the threads
/// and whatever is played beside.  nullopt: cancelled.  Throws Error if a prompt does not fit, or at a NaN.
/// `progress` hears, now and then, how many episodes are over.
std::optional<std::vector<std::vector<Played>>> play(Runner& runner, const Wording& wording,
                                                     std::span<const Seat> seats,
                                                     const PlaySettings& settings,
                                                     const std::atomic<bool>& cancel,
                                                     const std::function<void(std::int64_t)>& progress = {});

}  // namespace dsa::rl
