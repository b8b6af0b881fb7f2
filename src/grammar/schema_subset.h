// The JSON schemas that an answer can be held to, exactly.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsa {

/// How `minLength` and `maxLength` are left: a string of JSON is held to them as a pattern.
enum class Lengths : std::uint8_t { as_patterns, as_they_are };

/// The schema as it is compiled, which admits nothing that `text` does not: an object that lists `properties`
/// holds no others, and a schema that says `properties` or `items` without a `type` is of an object or an
/// array.  Keeps the order of properties.  Throws StructureError that names the keyword and its path: for
/// what is not understood, what could not be held to exactly, and what no text can satisfy, as far as that
/// shows.  What is only said about values (`title`, `description`, `default`, `examples`, ...) passes.
///
/// `type`, also a list; `enum`, `const`; `properties`, `required`, `additionalProperties`; `items`,
/// `prefixItems`, `minItems`, `maxItems`; `minLength`, `maxLength`, or `pattern` (regex_subset.h), or
/// `format`; `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`; `multipleOf` of integers; `anyOf`,
/// `oneOf` of which the compiler sees that no two fit the same value, `allOf` of one; `$ref` within the
/// schema, to itself too.
std::string plain_schema(std::string_view text, Lengths lengths = Lengths::as_patterns);

/// The paths at which it has a `oneOf` of several schemas: what the compiler refuses without saying where.
std::vector<std::string> places_of_one_of(std::string_view text);

}  // namespace dsa
