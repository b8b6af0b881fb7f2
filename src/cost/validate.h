// Whether the arithmetic tells the truth: every row of a measurement, predicted from the others.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace dsa::cost {

/// Seconds of one repetition.
struct ValidatedRow {
  std::string phase, attention;
  std::int64_t depth = 0;
  double measured_s = 0, predicted_s = 0;

  [[nodiscard]] double ratio() const { return predicted_s / measured_s; }
};

/// What the bytes and operations of a row take at least, for its parts: products with weights, attention to
/// entries that lie side by side, attention to selected ones, index scores.  All other rows of its phase,
/// dense and sparse, say what share of the ceiling each part reaches (least squares of the relative error, a
/// share being 1 at most); a part that only this row has is taken to reach what the other attention does, or
/// products do.  The row itself has no say in what is predicted for it.
/// Throws Error for a file that is no result of `dsa bench --json`, or holds less than three rows of a phase.
std::vector<ValidatedRow> validate(const std::filesystem::path& file);
std::vector<ValidatedRow> validate_text(std::string_view text, const std::string& who);

/// The largest deviation, 0.25 being a quarter more or less than measured.
double worst(const std::vector<ValidatedRow>& rows);

std::string to_text(const std::vector<ValidatedRow>& rows);
nlohmann::ordered_json to_json(const std::vector<ValidatedRow>& rows);

}  // namespace dsa::cost
