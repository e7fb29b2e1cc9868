#pragma once
/// The way into /v1/execute/stream.

#include "http/router.hpp"

namespace lazaret::http::stream {

/// May this request become a WebSocket now? Answers 101 when it may, which the session then does; else what HTTP has to
/// say: 426, 400, 503 with Retry-After when no execution would be taken.
void admit(const site& s, const request& r, respond answer);

}  // namespace lazaret::http::stream
