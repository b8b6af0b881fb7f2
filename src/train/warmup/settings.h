// What decides a warm-up's every number: kept in the checkpoint, so that --resume goes on with the same.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace dsa::train {

struct WarmupSettings {
  std::int64_t heads = 4;
  std::int64_t dim = 32;
  std::int64_t topk = 512;
  std::string curriculum;  // Curriculum::text()
  std::int64_t rows = 2048;
  std::int64_t updates = 8;  // of the weights, each from its share of a document's rows
  std::string target = "blend";
  double lr = 1.5e-2;
  double clip = 1;
  std::int64_t seed = 0;
};

/// The one list of them: visit(name, value) for each.  Command-line options are --name.
template <class Settings, class Visit>
void for_each_setting(Settings& s, Visit&& visit) {
  visit("heads", s.heads);
  visit("dim", s.dim);
  visit("top-k", s.topk);
  visit("curriculum", s.curriculum);
  visit("rows", s.rows);
  visit("updates", s.updates);
  visit("target", s.target);
  visit("lr", s.lr);
  visit("clip", s.clip);
  visit("seed", s.seed);
}

/// Each throws Error naming the option unless the value makes sense.
void check_range(const char* option, std::int64_t value, std::int64_t low, std::int64_t high);
void check_rate(const char* option, double value);
void check_clip(double value);

/// Throws Error naming the option unless every value makes sense.
void validate(const WarmupSettings& settings);

nlohmann::json to_json(const WarmupSettings& settings);
/// Throws Error that starts with `who` if one is missing or of another type.
WarmupSettings settings_from_json(const nlohmann::json& json, std::string_view who);

}  // namespace dsa::train
