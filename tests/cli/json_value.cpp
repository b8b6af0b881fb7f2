// json_value POINTER...: checks that stdin is one strict JSON document and prints the value at every JSON
// pointer, a line each; for the shell tests beside it.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include "base/error.h"
#include "base/json.h"

int main(int argc, char** argv) {
  const std::string text{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  try {
    const nlohmann::json document = dsa::parse_json(text, "stdin");
    for (int i = 1; i < argc; ++i) {
      const auto& value = document.at(nlohmann::json::json_pointer(argv[i]));
      std::cout << (value.is_string() ? value.get<std::string>() : dsa::json_text(value)) << '\n';
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "json_value: %s\n", error.what());
    return 1;
  }
  return 0;
}
