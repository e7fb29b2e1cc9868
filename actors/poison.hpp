#pragma once
/// When accepted work is worked on no more: it ends whoever works on it, or seems to.

#include <optional>
#include <string>

#include "actors/store/store.hpp"

namespace lazaret::actors {

struct poison_rules {
  /// By its own deed: its worker fell with an exception, or the process by a fatal signal of the thread that worked on
  /// it. One crash may be an accident of the machine's, and each of them takes everything else in the node's hands with
  /// it.
  int max_deaths = 3;
  /// Its node was killed or vanished, or was stopped for longer than its lease: mostly somebody else's deed, so many
  /// more. But what makes the kernel's OOM killer take the whole node looks just so, and has to end one day.
  int max_losses = 20;
};

/// Why nobody is to work on it any more, a sentence that begins with `poison:`; nothing when it may be tried again.
[[nodiscard]] inline std::optional<std::string> poison(const durable::claim& c, const poison_rules& rules) {
  if (c.deaths >= rules.max_deaths) return "poison: it ended its worker " + std::to_string(c.deaths) + " times";
  if (c.losses >= rules.max_losses)
    return "poison: it was lost " + std::to_string(c.losses) + " times with the node that worked on it";
  return {};
}

}  // namespace lazaret::actors
