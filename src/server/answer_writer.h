// An engine's events to what a client reads: pure translation, no sockets and no engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/request.h"
#include "server/errors.h"
#include "server/models.h"
#include "server/structure_fields.h"
#include "server/usage.h"

namespace dsa::server {

/// What a body asks for, whichever API it came by.
struct Plan {
  std::vector<Request> requests;                 // one a prompt; their choices are numbered through
  std::optional<AskedStructure> structure = {};  // of every answer; yet to be compiled
  bool stream = false;
  bool include_usage = false;  // of a stream: a last event tells it
  bool progress = false;       // of a stream: events tell how far the prompt is read
  bool resumable = false;      // of a stream: it goes on without its client, and can be taken up
};

/// What names an answer.
struct AnswerHead {
  std::string id;            // "chatcmpl-..."
  std::int64_t created = 0;  // seconds since 1970
  std::string model;
};
/// `prefix` and random letters.
AnswerHead new_answer(std::string_view prefix, const ServedModel& model);

/// Takes the events of one call's requests, each request's in order.  One thread at a time.
class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;

  /// What names the answer.
  [[nodiscard]] virtual const std::string& id() const = 0;
  /// What a stream begins with.
  virtual std::string begin() = 0;
  /// An event of request `prompt`; gives back what the stream goes on with, often "".
  virtual std::string push(std::size_t prompt, Event&& event) = 0;
  /// True once every choice has finished.
  [[nodiscard]] virtual bool finished() const = 0;
  /// What a stream ends with, once finished.
  virtual std::string end() = 0;
  /// The whole answer, once finished; of a call that is not streamed.
  virtual HttpAnswer whole() = 0;
  /// An error in the API's own shape: what a stream ends with instead, and the answer to a call that is none.
  virtual std::string fault_event(const ApiError& error);
  virtual HttpAnswer fault_answer(const ApiError& error);

  /// What the call costs by now; told before the end of each choice, if it is billed.
  void set_cost(AnswerCost cost) { cost_ = std::move(cost); }

 protected:
  [[nodiscard]] const std::optional<AnswerCost>& cost() const { return cost_; }

 private:
  std::optional<AnswerCost> cost_;
};

/// Why the answer is none, if it is none: an engine's fault, or the server's end.
std::optional<ApiError> fault_of(const Finished& finished);

}  // namespace dsa::server
