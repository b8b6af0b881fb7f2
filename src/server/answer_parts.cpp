#include "server/answer_parts.h"

#include "server/answer_writer.h"

namespace dsa::server {
namespace {

std::optional<ReasoningMarks> marks_of(const ServedModel& model) {
  return model.prompt.format() ? model.prompt.format()->reasoning() : std::nullopt;
}

}  // namespace

AnswerParts::AnswerParts(const ServedModel& model, const AnswerShape& shape, std::string_view id_prefix)
    : model_(model),
      prompt_(shape.prompt),
      id_prefix_(id_prefix),
      parallel_(shape.parallel),
      split_(marks_of(model), shape.begins_in_reasoning) {
  if (!shape.tools.empty()) parser_ = model.prompt.format()->tool_parser(shape.tools);
}

std::vector<AnswerPart> AnswerParts::push(const NewToken& token) {
  std::vector<AnswerPart> out;
  if (token.stops)
    end_ = token.id;
  else if (parser_)
    tokens_.push_back(token.id);
  add(split_.push(token.text), out);
  return out;
}

std::vector<AnswerPart> AnswerParts::finish(const Finished& finished) {
  std::vector<AnswerPart> out;
  add(split_.push(finished.text), out);
  add(split_.finish(), out);
  std::vector<ToolPiece> pieces;
  if (parser_) parser_->finish(pieces);
  for (ToolPiece& piece : pieces) take(std::move(piece), out);
  keep(finished);
  return out;
}

void AnswerParts::keep(const Finished& finished) {
  const bool whole = finished.reason == FinishReason::stop && end_ && begun_ > 0 && begun_ == calls_.size();
  if (!whole) return;
  model_.kept_calls->keep({.prompt = prompt_,
                           .tokens = std::move(tokens_),
                           .end = *end_,
                           .reasoning = reasoning_,
                           .content = content_,
                           .calls = calls_});
}

void AnswerParts::add(const ReasoningSplit::Parts& parts, std::vector<AnswerPart>& out) {
  if (!parts.reasoning.empty()) {
    reasoning_ += parts.reasoning;
    out.push_back({.kind = AnswerPart::Kind::reasoning, .text = parts.reasoning});
  }
  if (parts.content.empty()) return;
  std::vector<ToolPiece> pieces;
  if (parser_)
    parser_->push(parts.content, pieces);
  else
    pieces.push_back({ToolPiece::Kind::text, parts.content});
  for (ToolPiece& piece : pieces) take(std::move(piece), out);
}

void AnswerParts::take(ToolPiece piece, std::vector<AnswerPart>& out) {
  using Kind = ToolPiece::Kind;
  if (piece.kind == Kind::text) {
    content_ += piece.text;
    out.push_back({.kind = AnswerPart::Kind::text, .text = std::move(piece.text)});
    return;
  }
  if (piece.kind == Kind::begin) ++begun_;
  if (!parallel_ && begun_ > 1) return;
  const std::size_t call = begun_ - 1;
  if (piece.kind == Kind::begin) {
    calls_.push_back({new_answer(id_prefix_, model_).id, piece.text, ""});
    out.push_back({AnswerPart::Kind::call, std::move(piece.text), call, calls_.back().id});
  } else if (piece.kind == Kind::arguments) {
    calls_.back().arguments += piece.text;
    out.push_back({.kind = AnswerPart::Kind::arguments, .text = std::move(piece.text), .call = call});
  } else {
    if (!piece.complete) {
      calls_.pop_back();
      content_ += piece.text;
    }
    out.push_back({.kind = AnswerPart::Kind::call_end, .text = "", .call = call});
  }
}

}  // namespace dsa::server
