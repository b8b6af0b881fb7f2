// Facts about made-up people, and a search in them.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/draws.h"

namespace dsa::rl {

/// "the boss of Mira is Ben".
struct CorpusFact {
  std::string relation, subject, object;
};
std::string fact_text(const CorpusFact& fact);

inline constexpr std::array<std::string_view, 3> kPersonRelations{"boss", "friend", "teacher"};
inline constexpr std::array<std::string_view, 3> kThingRelations{"town", "job", "pet"};

class FactCorpus {
 public:
  /// Of so many people, 2 to all of kPeople: each has one object in each relation.
  FactCorpus(int people, Draws& draws);

  [[nodiscard]] const std::vector<std::string>& people() const { return people_; }
  [[nodiscard]] const CorpusFact& find(std::string_view relation, std::string_view subject) const;
  /// The three facts that most of the query's first eight words stand in, a fact that says the query as it is
  /// before others; in the corpus' own order, a line each.  "nothing found" if no word stands in any.
  [[nodiscard]] std::string search(std::string_view query) const;

 private:
  std::vector<std::string> people_;
  std::vector<CorpusFact> facts_;
};

}  // namespace dsa::rl
