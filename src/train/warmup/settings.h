// What decides a warm-up's every number: kept in the checkpoint, so that a resumed one goes on with the same.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <type_traits>

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
  std::string compute = "auto";
  std::int64_t seed = 0;
};

/// The one list of them: visit(name, value) for each, by the name that a person knows it by.
template <class Settings, class Visit>
  requires std::same_as<std::remove_const_t<Settings>, WarmupSettings>
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
  visit("compute", s.compute);
  visit("seed", s.seed);
}

/// Throws Error naming the setting unless every value makes sense.
void validate(const WarmupSettings& settings);

}  // namespace dsa::train
