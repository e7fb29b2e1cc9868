#pragma once
/// What the messages between service, jailer and jail mean; how they look as bytes. See wire.hpp for the transport.
///
/// service -> jailer, on the connection; the first fd is the far end of a channel made for this one request:
///   make_volume  volume_options, number of a kind          fds: channel
///   survey                                             fds: channel
///   start        start_request (or nothing, if sealed)  fds: channel [stdin] [sealed body]
///   deposit      volume id                              fds: channel, sealed files
///   gather       volume id                              fds: channel, sealed gather_options
///   hand_out     volume id                              fds: channel, sealed name (or nothing) to go on after
/// jailer -> service, on the request's channel:
///   volume_made  id                                    fds: directory
///   started      presence bits                         fds: stdout (or the terminal's master) stderr [audit]
///                                                           [observations] [gateway] [names]
///   surveyed     survey_answer                          fds: lazaret-probe, to be read
///   failed       failure
///   ended        outcome
///   deposited    nothing                                fds: sealed message of that kind, with the known files
///   gathered     nothing                                fds: sealed message of that kind, with the files
///   handed_out   handed_files without the descriptors   fds: of each file, to be read
/// service -> jailer, on the channel:
///   exceeded     the output limit was passed: end the jail for it
///   signal       its number, for the program
/// Closing a channel gives up what it stands for: the jail is killed, the volume dropped.
///
/// jail -> jailer, on the status socket of the jail (trusted until the program runs; the program never holds it):
///   ready        presence bits                         fds: [audit] [gateway] [names]
///   watched      number of the seccomp listener in init's table of descriptors
///   executed     the program has replaced our code; bytes that init itself had written    fds: seccomp listener
///   failed       failure
///   reaped       wait status of the program; the last pid that was given in the jail, 0 when unknown
///   waiting      it is a shell, and wants a policy
/// jailer -> jail:
///   proceed      ids are mapped, limits are in force
///   program      program, to a jail that was prepared ahead          fds: stdin stdout stderr
///   policy       policy (or nothing, if sealed), to a shell          fds: stdin stdout stderr [sealed policy]
///   signal       its number, for the program
///   stop         kill everybody, count, and end

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/failure.hpp"
#include "sandbox/hand_out.hpp"
#include "sandbox/jailer.hpp"
#include "sandbox/outcome.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/volume_files.hpp"
#include "sandbox/wire.hpp"

namespace lazaret::sandbox::protocol {

enum class kind : std::uint8_t {
  make_volume = 1,
  start,
  volume_made,
  started,
  failed,
  ended,
  exceeded,
  ready,
  watched,
  executed,
  reaped,
  counted,
  proceed,
  stop,
  deposit,
  deposited,
  gather,
  gathered,
  survey,
  surveyed,
  program,
  hand_out,
  handed_out,
  signal,
  waiting,
  policy,
};

/// Which of the optional descriptors a message carries, in this order.
enum presence : std::uint8_t {
  has_stdin = 1,
  has_body = 2,
  has_audit = 4,
  has_observations = 8,
  has_gateway = 16,  ///< network_mode::outbound: its listener
  has_names = 32,
  was_prepared = 64,  ///< no descriptor: the jail had waited for this program
};

/// A sealed body may not be larger: a policy is text files and arguments, not data (use a volume).
inline constexpr std::size_t max_body = 4 << 20;

/// Files for a volume, or out of one.
inline constexpr std::size_t max_files_body = std::size_t{2} << 30;

struct start_request {
  policy what;
  std::vector<std::uint64_t> volumes;
};

/// What a policy says of the program alone: a jail can be prepared without knowing it.
struct program {
  std::vector<std::string> argv, environment;
  std::string working_directory;
};

/// Of what kind a policy is: two of one kind differ in nothing but what `program` says.
[[nodiscard]] std::string kind_of(policy what);
/// A number for it, where a clash does no harm. 0: of no kind in particular.
[[nodiscard]] std::uint64_t number_of(const std::string& kind);

/// What the jailer knows of the layers before any jail is made.
struct survey_answer {
  std::vector<layer_report> layers;     ///< `active`: this host can have it
  std::vector<std::string> namespaces;  ///< `user:[4026531837]`, ...: the jailer's own
  std::uint32_t landlock_abi = 0;
  bool refuses = false;  ///< every jail, with `why`
  failure why;
};

void write(wire::writer& to, const policy& p);
void write(wire::writer& to, const start_request& r);
void write(wire::writer& to, const program& p);
void write(wire::writer& to, const volume_options& v);
void write(wire::writer& to, const outcome& o);
void write(wire::writer& to, const failure& f);
void write(wire::writer& to, const std::vector<volume_file>& files);
void write(wire::writer& to, const std::vector<known_file>& files);
void write(wire::writer& to, const gather_options& o);
void write(wire::writer& to, const gathered& g);
void write(wire::writer& to, const survey_answer& s);
void write(wire::writer& to, const handed_files& h);

/// Each leaves `from.ok()` false when the bytes are not such a thing.
void read(wire::reader& from, policy& p);
void read(wire::reader& from, start_request& r);
void read(wire::reader& from, program& p);
void read(wire::reader& from, volume_options& v);
void read(wire::reader& from, outcome& o);
void read(wire::reader& from, failure& f);
void read(wire::reader& from, std::vector<volume_file>& files);
void read(wire::reader& from, std::vector<known_file>& files);
void read(wire::reader& from, gather_options& o);
void read(wire::reader& from, gathered& g);
void read(wire::reader& from, survey_answer& s);
void read(wire::reader& from, handed_files& h);

/// A whole message: the kind, then the parts.
template <class... Parts>
[[nodiscard]] std::string encode(kind k, const Parts&... parts) {
  wire::writer to;
  to.number(static_cast<std::uint8_t>(k));
  [[maybe_unused]] const auto put = [&to](const auto& part) {
    if constexpr (std::integral<std::decay_t<decltype(part)>>)
      to.number(part);
    else
      write(to, part);
  };
  (put(parts), ...);
  return to.bytes();
}

/// Nothing when the bytes are not exactly one T.
template <class T>
[[nodiscard]] result<T> decode(std::string_view bytes) {
  wire::reader from{bytes};
  T value{};
  if constexpr (std::integral<T>)
    value = from.number<T>();
  else
    read(from, value);
  if (!from.complete()) return failure{"protocol", 0, "malformed message", {}};
  return value;
}

/// What the other side says went wrong; that it said something malformed, if it did.
[[nodiscard]] failure decode_failure(std::string_view bytes);

}  // namespace lazaret::sandbox::protocol
