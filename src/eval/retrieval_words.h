// Words that retrieval tasks make names of.
#pragma once

#include <array>
#include <string_view>

namespace dsa {

inline constexpr std::array<std::string_view, 64> kAdjectives{
    "amber",   "ancient", "bitter", "bold",   "brave",   "bright", "broken", "calm",   "clever", "cold",
    "crimson", "curved",  "dark",   "deep",   "distant", "dry",    "dusty",  "early",  "empty",  "faint",
    "famous",  "fast",    "fierce", "flat",   "fresh",   "frozen", "gentle", "giant",  "golden", "grand",
    "green",   "hidden",  "hollow", "humble", "icy",     "jolly",  "keen",   "late",   "light",  "little",
    "lonely",  "loud",    "lucky",  "mellow", "narrow",  "noble",  "odd",    "pale",   "plain",  "proud",
    "quick",   "quiet",   "rapid",  "rough",  "round",   "rusty",  "sharp",  "silent", "silver", "simple",
    "sleepy",  "smooth",  "steep",  "wild"};

inline constexpr std::array<std::string_view, 64> kNouns{
    "anchor", "apple",   "arrow",  "badge",   "barrel", "basket", "beacon",   "bell",    "boat",   "bottle",
    "bridge", "brush",   "bucket", "button",  "cabin",  "candle", "carpet",   "castle",  "chain",  "clock",
    "cloud",  "comet",   "copper", "cradle",  "crown",  "desk",   "door",     "drum",    "eagle",  "engine",
    "falcon", "feather", "fence",  "field",   "flute",  "forest", "fountain", "garden",  "gate",   "glove",
    "hammer", "harbor",  "helmet", "island",  "jacket", "kettle", "ladder",   "lantern", "lemon",  "marble",
    "meadow", "mirror",  "needle", "orchard", "paddle", "pebble", "pencil",   "pillow",  "planet", "ribbon",
    "saddle", "statue",  "tunnel", "window"};

}  // namespace dsa
