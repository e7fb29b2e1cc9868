#pragma once
/// Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

#include <string>

#include "actors/service.hpp"

namespace lazaret::http {

/// Appends one event. Line breaks in type or data, which would begin a field of somebody else's choice, become spaces.
void write_event(std::string& out, const actors::run_event& event);

}  // namespace lazaret::http
