// Lines from a person, with editing and history, or from a pipe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace dsa::cli {

class LineReader {
 public:
  enum class Event : std::uint8_t { line, interrupted, end };

  /// Edits lines if stdin and stdout are a terminal; otherwise reads them plainly and prints no prompt.
  /// `history_file` is read now and written at the end; not being able to is no failure.  Empty: neither.
  /// A byte order mark before the first line is dropped.
  LineReader(std::string prompt, const std::filesystem::path& history_file);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// The next line, without its end.  interrupted: Ctrl-C was typed; the line is dropped.
  Event read(std::string& line);

 private:
  struct Editor;  // libedit's half
  std::unique_ptr<Editor> editor_;
  bool first_ = true;
};

}  // namespace dsa::cli
