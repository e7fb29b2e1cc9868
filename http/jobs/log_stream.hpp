#pragma once
/// A job's log as server-sent events: what there is, then what comes, then the end. Each line once, whenever the reader
/// came and however slowly it reads: nothing is kept for it, the file is the queue.

#include <filesystem>
#include <memory>
#include <string>

#include "actors/batch/job.hpp"
#include "http/message.hpp"
#include "http/site.hpp"

namespace lazaret::http::jobs {

[[nodiscard]] std::shared_ptr<live_body> follow_log(const site& s, std::string id);

/// Writes log text as events, one `data: LINE` and an empty line for each line, in pieces of any length. What would end
/// a line for a reader but not for us, a lone CR, becomes a space.
class event_lines {
 public:
  void write(std::string_view text, std::string& out);

 private:
  bool in_line_ = false, carriage_return_ = false;
};

}  // namespace lazaret::http::jobs
