#pragma once
/// The scripts of actors/store/lua/, whole and with their digests. Any thread.

#include <string>

namespace lazaret::durable::redis {

struct script {
  std::string text;
  std::string digest;  ///< SHA1 in hex, as EVALSHA wants it
  /// May be sent once more when its answer was lost. What writes knows its own nonce (lua/prelude.lua).
  bool repeatable = true;
};

/// Redis keeps a script until it restarts, so each is sent whole only when it is unknown there.
struct scripts {
  script add, recognise, look, amend, find, list, ended, forget;
  script take, renew, update, settle, put_back, blame, abandon, depth, position;
  script append, events, remember, recall, tidy, probe;
};
[[nodiscard]] const scripts& all_scripts();

}  // namespace lazaret::durable::redis
