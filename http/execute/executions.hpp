#pragma once
/// The asynchronous form of POST /v1/execute: what was accepted is on disk, outlives its request and the service, and
/// is asked for by its id. It runs on the stage `batch`, in a line with the jobs.

#include <optional>
#include <string_view>

#include "actors/store/store.hpp"
#include "http/execute/manner.hpp"
#include "http/site.hpp"

namespace lazaret::http {

/// Writes a request whose body was found right to disk, then answers 202, or why it can't be taken. With a `key` that
/// was there before it is the first one's id.
void accept_execution(const site& s, const request& r, execution_manner manner, std::optional<durable::idempotency> key,
                      respond answer);

/// The same, but with an answer that waits for its end, and is the synchronous form's then: whoever lost its connection
/// comes back with the key. One that could not be run is refused as that form refuses it, 500 when that was not the
/// request's fault; one that was canceled is 409. 202 as above after ten minutes.
void accept_and_wait(const site& s, const request& r, durable::idempotency key, respond answer);

response show_execution(const site& s, const request& r);
void cancel_execution(const site& s, const request& r, respond answer);

/// The name of this front end at batch::desk.
inline constexpr std::string_view executions_front = "execute";
/// The role of a piece without bytes, kept with an execution whose request was at fault; its name is the HTTP status.
inline constexpr std::string_view refusal_role = "refusal";

}  // namespace lazaret::http
