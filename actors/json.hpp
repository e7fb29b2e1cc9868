#pragma once
/// JSON forms of the run vocabulary (Boost.JSON). `to_json` never throws but for memory; `from_json` returns nothing
/// when the document is not what `to_json` writes (a store written by another version). Bytes that are not UTF-8 (they
/// come from packages) are written as U+FFFD.

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "actors/run.hpp"

namespace lazaret::actors {

[[nodiscard]] boost::json::value to_json(const submission& s);
[[nodiscard]] boost::json::value to_json(const download_result& r);
[[nodiscard]] boost::json::value to_json(const execution_result& r);
[[nodiscard]] boost::json::value to_json(const analysis_result& r);
[[nodiscard]] boost::json::value to_json(const stage_timing& t);
[[nodiscard]] boost::json::value to_json(const sandbox::outcome& o);
[[nodiscard]] boost::json::value to_json(const finding& f);
/// The run as `/v1/runs/{id}` shows it (DESIGN section 5), with `usage` summed over the phases and `delivery`.
[[nodiscard]] boost::json::value to_json(const run& r);

template <class T>
[[nodiscard]] std::optional<T> from_json(const boost::json::value& v);

/// Replaces each byte sequence that is not UTF-8 by U+FFFD (Unicode 15, section 3.9, "substitution of maximal
/// subparts").
[[nodiscard]] std::string valid_utf8(std::string_view text);

}  // namespace lazaret::actors
