#pragma once
/// The log: one line per event on standard error, as text or as JSON objects (LOG_FORMAT). Standard output is for the
/// lines that scripts read (`listening on ...`).

#include <string>

namespace lazaret::http {

/// Call once, before the first line is written. `level`: trace, debug, info, warn, error; `format`: text, json.
void set_up_log(const std::string& level, const std::string& format);

}  // namespace lazaret::http
