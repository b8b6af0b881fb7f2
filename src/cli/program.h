// A program that is a table of verbs.
#pragma once

#include <span>
#include <string>

#include "cli/verb.h"

namespace dsa::cli {

struct Program {
  std::string name;  // "dsa"
  std::string summary;
  std::string footer;
  std::span<const Verb> verbs;
};

/// Parses the command line, runs the verb and turns what it throws into one line on stderr.
/// Returns the exit status.
int run_program(const Program& program, int argc, char** argv);

}  // namespace dsa::cli
