#include "train/loop/train_log.h"

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"

namespace dsa::train {
namespace {

std::string to_line(const StepRecord& r) {
  nlohmann::ordered_json j{{"step", r.step},
                           {"tokens", r.tokens},
                           {"context", r.context},
                           {"kl", r.kl},
                           {"layer_kl", r.layer_kl},
                           {"gradient_norm", r.gradient_norm},
                           {"learning_rate", r.learning_rate},
                           {"seconds", r.seconds},
                           {"elapsed", r.elapsed}};
  if (r.recall)
    j["recall"] = {
        {"indexer", r.recall->recall}, {"best", r.recall->best}, {"worst_layer", r.recall->worst_layer}};
  if (r.main)
    j["main"] = {{"language_model", r.main->language_model},
                 {"distill", r.main->distill},
                 {"mtp", r.main->mtp},
                 {"dense", r.main->dense},
                 {"gradient_norm", r.main->gradient_norm},
                 {"learning_rate", r.main->learning_rate}};
  if (r.batch != 1) j["batch"] = r.batch;
  if (!r.stage.empty()) j["stage"] = r.stage;
  if (r.experts) j["experts"] = {{"busiest", r.experts->busiest}, {"idlest", r.experts->idlest}};
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
    r.kl = j.at("kl");
    r.layer_kl = j.at("layer_kl").get<std::vector<double>>();
    r.gradient_norm = j.at("gradient_norm");
    r.learning_rate = j.at("learning_rate");
    r.seconds = j.at("seconds");
    r.elapsed = j.at("elapsed");
    r.held_out = j.value("held_out", false);
    r.batch = j.value("batch", std::int64_t{1});
    r.stage = j.value("stage", "");
    if (j.contains("experts"))
      r.experts =
          ExpertRecord{.busiest = j.at("experts").at("busiest"), .idlest = j.at("experts").at("idlest")};
    if (j.contains("main")) {
      const auto& main = j.at("main");
      r.main = MainRecord{.language_model = main.at("language_model"),
                          .distill = main.at("distill"),
                          .mtp = main.value("mtp", 0.0),
                          .dense = main.value("dense", 0.0),
                          .gradient_norm = main.at("gradient_norm"),
                          .learning_rate = main.at("learning_rate")};
    }
    if (j.contains("recall")) {
      const auto& recall = j.at("recall");
      r.recall = PassSummary{.kl = r.kl,
                             .recall = recall.at("indexer"),
                             .best = recall.at("best"),
                             .worst_layer = recall.at("worst_layer"),
                             .has_recall = true};
    }
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  return r;
}

}  // namespace

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
  if (!file_)
    fail("{}: cannot write: {}", printable(path.string(), 1000), std::generic_category().message(errno));
}

void TrainLog::add(const StepRecord& record) {
  const std::string line = to_line(record);
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() || std::fflush(file_.get()) != 0)
    fail("{}: cannot write: {}", printable(path_.string(), 1000), std::generic_category().message(errno));
  records_.push_back(record);
}

}  // namespace dsa::train
