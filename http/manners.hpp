#pragma once
/// How a front end words what http/ itself has to say on its paths: its clients read these too.

#include <string_view>

#include "http/message.hpp"

namespace lazaret::http {

struct manners {
  /// A refusal. `detail` is ours and for people; a dialect whose errors have fixed texts leaves it out.
  response (*fail)(unsigned status, std::string_view detail);
  unsigned options_status = 204;
  bool allow_names_options = true;  ///< in the Allow header of an answer to OPTIONS
};

/// `{"detail": ...}`
inline constexpr manners native_manners{failed};

}  // namespace lazaret::http
