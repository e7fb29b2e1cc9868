#pragma once
/// The one table from a fault of the pipeline to a status and the text that the public may read.

#include "actors/fault.hpp"
#include "http/message.hpp"
#include "http/site.hpp"

namespace lazaret::http {

struct refusal_row {
  actors::fault why;
  unsigned status;
  std::string_view detail;   ///< what the client reads, unless `speaks`
  std::string_view outcome;  ///< label of lazaret_submissions_total
  bool speaks = false;       ///< the refusal's own detail is meant for the client
  int retry_after = 0;       ///< seconds; 0: none, -1: the rate window
};

/// Every fault has a row; one that the table forgot would be an unknown error: 500.
[[nodiscard]] const refusal_row& row(actors::fault why) noexcept;

[[nodiscard]] response refused(const site& s, const actors::refusal& r);

}  // namespace lazaret::http
