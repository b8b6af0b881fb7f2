// What is predicted for a machine that is only described.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cost/predict.h"

namespace dsa::cost {

/// What was announced with DeepSeek-V3.2-Exp for another maker's accelerators, at 128K tokens.
inline constexpr double kAnnouncedTtftS = 2, kAnnouncedTpotMs = 30;
inline constexpr std::int64_t kAnnouncedContext = 131072;

struct DevicesNeeded {
  std::string attention;
  Corners<std::optional<double>> devices;  // of such a machine's, for the announced figures
};

struct HardwareReport {
  std::string model, machine;
  double weight_gb = 0;            // of the whole model
  double cache_bytes_a_token = 0;  // of a sequence
  std::vector<Prediction> predictions;
  std::vector<DevicesNeeded> needed;
};

/// Throws Error if the model does not fit.
HardwareReport report_hardware(const ModelShape& model, const Hardware& machine, const std::string& name);

std::string to_text(const HardwareReport& report);
nlohmann::ordered_json to_json(const HardwareReport& report);

}  // namespace dsa::cost
