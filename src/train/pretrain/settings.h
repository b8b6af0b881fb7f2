// What decides every number of a model trained from scratch: kept in its checkpoint,
// so that a resumed one goes on with the same.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <type_traits>

namespace dsa::train {

struct PretrainSettings {
  std::string stages = "dense:0.75,warmup:0.08,sparse:0.17";  // Recipe
  std::int64_t context = 512;
  std::int64_t batch = 8;     // sequences of a step
  double lr = 2e-3;           // peak of the dense stage, which ends at a tenth of it
  std::int64_t rise = 100;    // steps up to it
  double sparse_lr = 2e-4;    // of the main weights in the sparse stage
  double warmup_lr = 1e-2;    // of the indexers in their warm-up
  double indexer_lr = 1e-3;   // of the indexers in the sparse stage
  double weight_decay = 0.1;  // of matrices
  double clip = 1;            // largest norm of the main gradient, and of each layer's indexer gradient
  double mtp = 0.3;           // weight of the loss of the token after the next
  double balance = 1e-2;      // what a router's bias moves by at a step
  std::string compute = "auto";
  std::int64_t seed = 0;
};

/// The one list of them: visit(name, value) for each, by the name that a person knows it by.
template <class Settings, class Visit>
  requires std::same_as<std::remove_const_t<Settings>, PretrainSettings>
void for_each_setting(Settings& s, Visit&& visit) {
  visit("stages", s.stages);
  visit("ctx", s.context);
  visit("batch", s.batch);
  visit("lr", s.lr);
  visit("rise", s.rise);
  visit("sparse-lr", s.sparse_lr);
  visit("warmup-lr", s.warmup_lr);
  visit("indexer-lr", s.indexer_lr);
  visit("weight-decay", s.weight_decay);
  visit("clip", s.clip);
  visit("mtp", s.mtp);
  visit("balance", s.balance);
  visit("compute", s.compute);
  visit("seed", s.seed);
}

/// Throws Error naming the setting unless every value makes sense.
void validate(const PretrainSettings& settings);

}  // namespace dsa::train
