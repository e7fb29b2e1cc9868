#pragma once
/// Builds a prebuild: the setup script runs in a jail whose writable places are kept, as a layer on the shelf.

#include <functional>
#include <stop_token>
#include <string>
#include <variant>

#include "actors/prebuild/shelf.hpp"
#include "http/quartermaster/prebuild_body.hpp"
#include "http/site.hpp"

namespace lazaret::http::quartermaster {

/// Why there is no prebuild.
struct build_problem {
  enum class kind : std::uint8_t {
    script,       ///< it failed, or made too much; `text` has its log
    not_here,     ///< the base is not installed
    unavailable,  ///< later, perhaps: `text` is for people
  };
  kind what = kind::script;
  std::string text;
  int retry_after = 0;  ///< seconds
};
using built = std::variant<prebuild::prebuild, build_problem>;

/// `done` is called once, on any thread, when the script has ended. `client` as of service::execute.
void build(const site& s, prebuild_request what, actors::claimant client, std::stop_token stop,
           std::function<void(built)> done);

}  // namespace lazaret::http::quartermaster
