// What decides every number of the sparse stage: kept in its checkpoint,
// so that a resumed one goes on with the same.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace dsa::train {

struct SparseSettings {
  std::int64_t topk = 0;    // tokens selected, the mean over the layers
  std::string topk_layers;  // by layer: "512,256,..."; "": topk in each
  std::int64_t context = 0;
  double lr = 0;  // of the main weights
  double indexer_lr = 1e-3;
  double clip = 1;        // largest norm of the main gradient, and of each layer's indexer gradient
  double distill = 0;     // W of train/sparse/sparse_model.h
  std::int64_t lora = 0;  // rank; 0: every weight is trained
  std::string compute = "auto";
  std::int64_t seed = 0;
};

/// The one list of them: visit(name, value) for each, by the name that a person knows it by.
template <class Settings, class Visit>
  requires std::same_as<std::remove_const_t<Settings>, SparseSettings>
void for_each_setting(Settings& s, Visit&& visit) {
  visit("top-k", s.topk);
  visit("top-k-layers", s.topk_layers);
  visit("ctx", s.context);
  visit("lr", s.lr);
  visit("indexer-lr", s.indexer_lr);
  visit("clip", s.clip);
  visit("distill", s.distill);
  visit("lora", s.lora);
  visit("compute", s.compute);
  visit("seed", s.seed);
}

/// Peak learning rate of the main weights where none is given: LoRA's additions begin
/// at zero and may move faster.
constexpr double default_learning_rate(std::int64_t lora) { return lora > 0 ? 2e-4 : 1e-5; }

/// SparseSettings::topk_layers, and back; none for "".  Throws Error.
std::vector<std::int64_t> parse_topk_layers(std::string_view text);
std::string topk_layers_text(std::span<const std::int64_t> list);

/// Throws Error naming the setting unless every value makes sense.
void validate(const SparseSettings& settings);

}  // namespace dsa::train
