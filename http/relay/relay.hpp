#pragma once
/// The outside of network mode `outbound` (sandbox/outbound.hpp): takes the connections that arrive at a jail's
/// listener, judges where each wanted to go, and carries its bytes there and back; answers the jail's questions for
/// names by this service's resolvers.
///
/// Who connects is hostile, and so may be who is connected to. What holds:
///   - The address that was judged is the address that is connected to; a name is never looked up again, so a name that
///     changes its address (DNS rebinding) gains nothing. Judged are the number (sandbox::why_forbidden), this host's
///     route there (way_out.hpp), the port, and where only some names are allowed, whether this jail was told the
///     address as one of theirs.
///   - All questions for names but for addresses have no answer; one that leads to a forbidden address has none either.
///   - Connections, bytes, questions, buffers and waits are bounded, per jail and in all. What is over waits in the
///     kernel's own bounded queue or is reset.
///   - Nothing of a jail's is left when its handle is gone.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "metrics/instruments.hpp"
#include "sandbox/addresses.hpp"
#include "sandbox/outbound.hpp"

namespace lazaret::http {

struct relay_options {
  std::vector<std::string> resolvers;     ///< addresses; asked on port 53, in this order
  std::vector<std::uint16_t> ports;       ///< that may be connected to; empty: all but 25, by which spam goes
  std::size_t most_connections = 32;      ///< of one jail at a time; further ones wait
  std::size_t most_in_all = 256;          ///< of all jails at a time; each costs two descriptors and two buffers
  std::size_t most_attempts = 2048;       ///< of one jail, refused ones included: a port scan ends here
  std::uint64_t most_bytes = 1ULL << 30;  ///< of one jail, in both directions together
  std::size_t most_questions = 16;        ///< of one jail at a time; further ones are dropped, and asked again
  std::size_t buffer = 64 << 10;          ///< of each direction of a connection
  std::chrono::seconds connect_time{10};
  std::chrono::seconds idle_time{120};  ///< no byte in either direction
  std::chrono::seconds resolver_time{3};
};

/// One jail's own restrictions.
struct relay_terms {
  /// Lower case, exact. If there are any, only the addresses are reached that these names had when the jail asked for
  /// them. Several hosts may share an address (content delivery networks): which of them is spoken to can't be told.
  std::vector<std::string> only_hosts;
};

class relay {
 public:
  /// Starts one thread, which serves all jails. `meters` must outlive the relay.
  relay(relay_options options, metrics::instruments& meters);
  /// No handle may be left.
  ~relay();
  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;

  /// Serves a jail until the handle is destroyed, which waits until nothing of it is open any more. Any thread but the
  /// relay's own.
  [[nodiscard]] std::shared_ptr<void> serve(sandbox::outbound_ends ends, relay_terms terms);

 private:
  class engine;
  std::unique_ptr<engine> engine_;
};

}  // namespace lazaret::http
