#pragma once
/// What the client prints, as pure functions over what the service said. All of it is neutral on a terminal.

#include <boost/json/value.hpp>
#include <string>

#include "http/client/connection.hpp"

namespace lazaret::client {

/// Exit codes of `lazaret`, so that scripts can decide: benign 0, suspicious or malicious 1, everything else 2
/// (inconclusive, failed, canceled, refused, service away): only a run that was seen to be benign is a success.
[[nodiscard]] int exit_code(const boost::json::value& run);

/// One line for an event that people want to see pass; empty for the others.
[[nodiscard]] std::string event_line(const event& e);

/// A finished run: verdict, score, findings with their evidence, and how to get the report.
[[nodiscard]] std::string run_summary(const boost::json::value& run, const address& server);

/// A table, one run a line.
[[nodiscard]] std::string run_table(const boost::json::value& list);
[[nodiscard]] std::string stage_table(const boost::json::value& stages);

/// `detail` of an error, or the status in words when there is none.
[[nodiscard]] std::string error_text(const reply& r);

/// A member as text: strings as they are, numbers and words as JSON; empty when there is none or it is null.
[[nodiscard]] std::string text_of(const boost::json::value& object, std::string_view name);

}  // namespace lazaret::client
