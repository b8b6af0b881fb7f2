// What a request did wrong, in the shape that OpenAI's clients read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "server/http_message.h"

namespace dsa {
class RequestError;
}

namespace dsa::server {

/// Becomes an answer or, once a stream has begun, an event in it.
class ApiError : public Error {
 public:
  /// `code`: docs/serving.md, "Errors"; `param`: the field, "" if it is none's fault.
  ApiError(int status, std::string code, const std::string& message, std::string param = "")
      : Error(message), status_(status), code_(std::move(code)), param_(std::move(param)) {}

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const std::string& code() const { return code_; }
  [[nodiscard]] const std::string& param() const { return param_; }

  std::int64_t prompt_tokens = -1;  // context_length_exceeded: how many there are
  std::int64_t context = -1;        // and how many there may be
  std::int64_t retry_after_s = -1;  // when to try again
  HttpHeaders headers = {};         // of the answer, beside those it needs

 private:
  int status_;
  std::string code_;
  std::string param_;
};

/// 400 for a value that the field cannot have.
ApiError invalid_value(std::string param, const std::string& message);
ApiError context_exceeded(std::int64_t prompt_tokens, std::int64_t context, std::string param);
ApiError draining_error();
/// What the engine says when it does not take a request.
ApiError refused_by_engine(const RequestError& error);

/// {"error": {"message", "type", "param", "code"}}, one line.
std::string error_json(const ApiError& error);
/// What an error says in headers.
HttpHeaders error_headers(const ApiError& error);
HttpAnswer error_answer(const ApiError& error);
/// For what never got to a handler.
HttpAnswer plain_error(int status, const std::string& why);

}  // namespace dsa::server
