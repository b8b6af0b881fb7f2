#include "train/sparse/joined_rows.h"

#include <algorithm>

#include "base/error.h"
#include "base/numeric.h"

namespace dsa::train {

JoinedRows::JoinedRows(std::span<const SequencePart> parts) : parts_(parts.begin(), parts.end()) {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const SequencePart& p = parts_[i];
    DSA_CHECK(p.rows > 0 && p.shared >= 0);
    if (p.shared > 0) {
      DSA_CHECK(p.of >= 0 && p.of < static_cast<std::int64_t>(i));
      DSA_CHECK(p.shared <= length(p.of));
    }
    first_.push_back(rows());
    for (std::int64_t r = 0; r < p.rows; ++r) {
      positions_.push_back(p.shared + r);
      part_of_.push_back(static_cast<std::int64_t>(i));
    }
  }
}

std::int64_t JoinedRows::length(std::int64_t part) const {
  return parts_[usize(part)].shared + parts_[usize(part)].rows;
}

std::int64_t JoinedRows::longest() const {
  std::int64_t out = 0;
  for (std::int64_t i = 0; i < parts(); ++i) out = std::max(out, length(i));
  return out;
}

std::int64_t JoinedRows::row(std::int64_t part, std::int64_t position) const {
  while (position < parts_[usize(part)].shared) part = parts_[usize(part)].of;
  return first_[usize(part)] + position - parts_[usize(part)].shared;
}

std::vector<std::int64_t> JoinedRows::sequence(std::int64_t part) const {
  std::vector<std::int64_t> out;
  for (std::int64_t t = 0; t < length(part); ++t) out.push_back(row(part, t));
  return out;
}

std::int64_t JoinedRows::before(std::int64_t row) const {
  DSA_CHECK(positions_[usize(row)] > 0);
  return this->row(part_of_[usize(row)], positions_[usize(row)] - 1);
}

void JoinedRows::begin(std::int64_t topk, Selection& out) const {
  out.topk = topk;
  out.idx.assign(usize(rows() * topk), -1);
  out.count.assign(usize(rows()), 0);
}

// Rows of what is shared stand before those of the part: they ascend as positions do.
void JoinedRows::select(std::int64_t part, const Selection* own, Selection& out) const {
  const SequencePart& p = parts_[usize(part)];
  for (std::int64_t position = p.shared; position < length(part); ++position) {
    const std::int64_t to = row(part, position);
    const std::int64_t count = own != nullptr ? own->count[usize(position)] : position + 1;
    DSA_CHECK(count <= out.topk);
    out.count[usize(to)] = static_cast<std::int32_t>(count);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t seen = own != nullptr ? own->row(position)[usize(i)] : i;
      out.idx[usize(to * out.topk + i)] = static_cast<std::int32_t>(row(part, seen));
    }
  }
}

}  // namespace dsa::train
