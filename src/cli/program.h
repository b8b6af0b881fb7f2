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

/// A verb that has verbs of its own, as `dsa eval` has: one of them must be typed.
Action declare_parts(Command command, std::span<const Verb> parts);

/// Parses the command line, runs the verb and turns what it throws into one line on stderr.
/// Returns the exit status.
int run_program(const Program& program, int argc, char** argv);

}  // namespace dsa::cli
