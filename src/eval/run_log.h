// The file that the results of a long evaluation are kept in while it goes on.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace dsa {

/// What such a file holds.
struct RunLines {
  nlohmann::ordered_json identity;              // of the run: model, indexer, seed, ...
  std::vector<nlohmann::ordered_json> results;  // discarded values where a line is no JSON
};

/// Throws Error if the file cannot be read, or if its identity lacks `kind`; a last line that was cut off is
/// no error, and not read.  `verb`: what writes such files.
RunLines read_run_lines(const std::filesystem::path& path, const char* kind, std::string_view verb);

/// A line that is no result of the run: throws Error.  `index`: among RunLines::results.
[[noreturn]] void damaged_line(const std::filesystem::path& path, std::size_t index);

/// One JSON object a line: first what the run is, then a result a line, each written as soon as it is there.
class RunLog {
 public:
  /// Opens or makes the file.  A last line that was cut off is dropped.  Throws Error if it cannot be read or
  /// written, or if it is of another run.
  RunLog(const std::filesystem::path& path, const nlohmann::ordered_json& run);

  /// What the file held when it was opened.
  [[nodiscard]] const std::vector<nlohmann::ordered_json>& earlier() const { return earlier_; }
  /// Throws Error if the disk fails.
  void append(const nlohmann::ordered_json& result);

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::filesystem::path path_;
  std::vector<nlohmann::ordered_json> earlier_;
  std::unique_ptr<std::FILE, Closer> file_;
};

}  // namespace dsa
