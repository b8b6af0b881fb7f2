// What lies in a folder of documents that `dsa train text` made, and from what they were made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace dsa {

inline constexpr const char* kManifestFile = "manifest.json";

/// What must be the same for documents to go together.
struct TextSettings {
  std::string model;        // name of the model's file
  std::string fingerprint;  // of the model
  std::string passages;     // SHA-256 over names and bytes of the text that passages are taken from
  std::int64_t tokens = 0;  // of a document, at least
  std::uint64_t seed = 0;
  friend bool operator==(const TextSettings&, const TextSettings&) = default;
};

struct MadeText {
  std::int64_t bytes = 0;
  std::int64_t tokens = 0;
  std::string sha256;
  friend bool operator==(const MadeText&, const MadeText&) = default;
};

/// By the file's name below the folder.  One thread at a time.
class TextManifest {
 public:
  /// Reads the folder's manifest if it has one; documents that are gone are forgotten.  Throws Error:
  /// damaged, or made with other settings.
  TextManifest(const std::filesystem::path& folder, TextSettings settings);

  /// Throws Error if the file was listed with other content.
  void add(const std::string& file, const MadeText& made);
  [[nodiscard]] const std::map<std::string, MadeText>& documents() const { return documents_; }
  /// Replaces the file at once or not at all.
  void write() const;

 private:
  void read(const nlohmann::json& root);

  std::filesystem::path path_;
  std::string who_;
  TextSettings settings_;
  std::map<std::string, MadeText> documents_;
};

}  // namespace dsa
