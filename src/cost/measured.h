// Speeds out of files: what `dsa bench --json` and bench/compare_server.py --json wrote.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "cost/settings.h"
#include "cost/speed.h"

namespace dsa::cost {

/// Of every kind of attention whose decoding and reading were both measured.  What was measured over a
/// stretch counts for its middle.  Throws Error for a file that is none, or holds no such speed.
Speeds read_bench(const std::filesystem::path& file);
Speeds read_bench_text(std::string_view text, const std::string& who);

/// Of a row of such a file: `dsa bench --sequences` puts those of several beside it.
bool is_of_one_sequence(const nlohmann::json& row);

/// What a server's measurement adds: how much more it writes for many clients at once (row a), and what a
/// prompt costs that the cache has (row c).
struct ServerSpeeds {
  std::vector<Batching> batching;
  std::optional<Range> hit_share;  // of the time of a miss
};
/// Throws Error for a file that is none, or holds neither row.
ServerSpeeds read_server(const std::filesystem::path& file);
ServerSpeeds read_server_text(std::string_view text, const std::string& who);

/// Puts it into all speeds, and into the settings.
void apply(const ServerSpeeds& server, Speeds& speeds, Settings& settings);

}  // namespace dsa::cost
