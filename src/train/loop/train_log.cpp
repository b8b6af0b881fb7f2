#include "train/loop/train_log.h"

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <type_traits>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/who.h"

namespace dsa::train {
namespace {

template <class T, class Part>
concept is_part = std::same_as<std::remove_const_t<T>, Part>;

// The one list of each part's numbers: as they stand in a line.
template <is_part<KeptAttention> Part, class Visit>
void for_each_number(Part& p, Visit&& visit) {
  visit("indexer", p.indexer);
  visit("best", p.best);
  visit("worst_layer", p.worst_layer);
}
template <is_part<MainRecord> Part, class Visit>
void for_each_number(Part& p, Visit&& visit) {
  visit("language_model", p.language_model);
  visit("distill", p.distill);
  visit("mtp", p.mtp);
  visit("dense", p.dense);
  visit("gradient_norm", p.gradient_norm);
  visit("learning_rate", p.learning_rate);
}
template <is_part<ExpertRecord> Part, class Visit>
void for_each_number(Part& p, Visit&& visit) {
  visit("busiest", p.busiest);
  visit("idlest", p.idlest);
}

template <is_part<RewardRecord> Part, class Visit>
void for_each_number(Part& p, Visit&& visit) {
  visit("reward", p.reward);
  visit("solved", p.solved);
  visit("signal", p.signal);
  visit("written", p.written);
  visit("cut", p.cut);
  visit("entropy", p.entropy);
  visit("mismatch", p.mismatch);
  visit("kl", p.kl);
  visit("clipped", p.clipped);
  visit("masked", p.masked);
  visit("language", p.language);
  visit("rubric", p.rubric);
  visit("judged", p.judged);
  visit("seconds", p.seconds);
}

template <class Part>
void write_part(nlohmann::ordered_json& line, const char* key, const std::optional<Part>& part) {
  if (part) for_each_number(*part, [&](const char* name, double value) { line[key][name] = value; });
}
template <class Part>
void read_part(const nlohmann::json& line, const char* key, std::optional<Part>& part) {
  if (!line.contains(key)) return;
  part.emplace();
  for_each_number(*part, [&](const char* name, double& value) { value = line.at(key).value(name, value); });
}

std::string to_line(const StepRecord& r) {
  nlohmann::ordered_json j{{"step", r.step},
                           {"tokens", r.tokens},
                           {"context", r.context},
                           {"kl", r.indexer.kl},
                           {"layer_kl", r.indexer.layer_kl},
                           {"gradient_norm", r.indexer.gradient_norm},
                           {"learning_rate", r.indexer.learning_rate},
                           {"seconds", r.seconds},
                           {"elapsed", r.elapsed}};
  write_part(j, "recall", r.indexer.kept);
  write_part(j, "main", r.main);
  if (r.batch != 1) j["batch"] = r.batch;
  if (!r.stage.empty()) j["stage"] = r.stage;
  write_part(j, "experts", r.experts);
  if (r.own_tokens > 0) j["own_tokens"] = r.own_tokens;
  write_part(j, "reward", r.reward);
  if (r.reward)
    for (const auto& [domain, solved] : r.reward->domains) j["reward"]["domains"][domain] = solved;
  if (r.held_out) j["held_out"] = true;
  return json_text(j) + "\n";
}

// nullopt for a line that a kill left half written.
std::optional<StepRecord> from_line(const std::string& line) {
  const auto j = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!j.is_object()) return std::nullopt;
  StepRecord r;
  try {
    r.step = j.at("step");
    r.tokens = j.at("tokens");
    r.context = j.at("context");
    r.indexer.kl = j.at("kl");
    r.indexer.layer_kl = j.at("layer_kl").get<std::vector<double>>();
    r.indexer.gradient_norm = j.at("gradient_norm");
    r.indexer.learning_rate = j.at("learning_rate");
    r.seconds = j.at("seconds");
    r.elapsed = j.at("elapsed");
    r.held_out = j.value("held_out", false);
    r.batch = j.value("batch", std::int64_t{1});
    r.stage = j.value("stage", "");
    read_part(j, "recall", r.indexer.kept);
    read_part(j, "main", r.main);
    read_part(j, "experts", r.experts);
    r.own_tokens = j.value("own_tokens", std::int64_t{0});
    read_part(j, "reward", r.reward);
    if (r.reward && j["reward"].contains("domains"))
      for (const auto& [domain, solved] : j["reward"]["domains"].items())
        r.reward->domains.emplace_back(domain, solved.get<double>());
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  return r;
}

}  // namespace

void add_share(IndexerRecord& mean, const IndexerRecord& one, double share) {
  mean.kl += share * one.kl;
  if (!one.kept) return;
  if (!mean.kept) mean.kept.emplace();
  mean.kept->indexer += share * one.kept->indexer;
  mean.kept->best += share * one.kept->best;
  mean.kept->worst_layer = std::min(mean.kept->worst_layer, one.kept->worst_layer);
}

TrainLog::TrainLog(const std::filesystem::path& path, std::int64_t last_step) : path_(path) {
  std::string kept;
  if (last_step > 0) {
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);)
      if (auto record = from_line(line); record && record->step <= last_step) {
        kept += line + "\n";
        records_.push_back(std::move(*record));
      }
  }
  write_file(path, kept);
  file_.reset(std::fopen(path.c_str(), "ae"));
  if (!file_) fail("{}: cannot write: {}", who(path), std::generic_category().message(errno));
}

void TrainLog::add(const StepRecord& record) {
  const std::string line = to_line(record);
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() || std::fflush(file_.get()) != 0)
    fail("{}: cannot write: {}", who(path_), std::generic_category().message(errno));
  records_.push_back(record);
}

}  // namespace dsa::train
