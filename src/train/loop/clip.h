// The norm of a gradient, and scaling it down.
#pragma once

#include <span>

#include "exec/exec.h"

namespace dsa::train {

/// Scales values down to a norm of at most `clip`; returns the norm before.
double clip_norm(std::span<float> values, double clip);
/// The same by all threads; one result for any number of them.
double clip_norm(std::span<float> values, double clip, Exec& exec);

}  // namespace dsa::train
