// The training as a page: one file, plots inside, no network.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "train/loop/progress.h"
#include "train/loop/train_log.h"

namespace dsa::train {

struct ReportSubject {
  std::string title;    // "Indexer warm-up"
  std::string command;  // "dsa train indexer"
  std::string model;
  const Progress& progress;
  const Identity& identity;
  std::vector<std::pair<std::string, std::string>> settings;
};

/// Plots what the log holds.
std::string html_report(const ReportSubject& subject, const TrainLog& log);

/// Name and value of each.
template <class Settings>
std::vector<std::pair<std::string, std::string>> settings_rows(const Settings& settings) {
  std::vector<std::pair<std::string, std::string>> out;
  for_each_setting(settings, [&](const char* name, const auto& value) {
    out.emplace_back(name, fmt::format("{}", value));
  });
  return out;
}

}  // namespace dsa::train
