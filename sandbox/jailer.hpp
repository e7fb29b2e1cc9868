#pragma once
/// The service's side of the jailer process: asks for volumes and jails over a SOCK_SEQPACKET socket.
///
/// Thread-safe: any number of threads may start and wait for jails at once. Every call blocks; call from workers, never
/// from an actor of CAF's scheduler. Nothing here forks or needs a privilege.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string_view>

#include "sandbox/failure.hpp"
#include "sandbox/hand_out.hpp"
#include "sandbox/layers.hpp"
#include "sandbox/outbound.hpp"
#include "sandbox/outcome.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/unique_fd.hpp"
#include "sandbox/volume_files.hpp"
#include "sandbox/wire.hpp"

namespace lazaret::sandbox {

/// A tmpfs owned by a uid of its own, kept by the jailer until this object goes. Read what the jails left in it through
/// `root()` by gather.hpp only: its content is hostile.
class volume {
 public:
  volume(volume&&) noexcept = default;
  volume& operator=(volume&&) noexcept = default;
  [[nodiscard]] int root() const noexcept { return root_.get(); }  ///< directory fd
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

 private:
  friend class jailer;
  volume(std::uint64_t id, unique_fd root, unique_fd lease)
      : id_{id}, root_{std::move(root)}, lease_{std::move(lease)} {}
  std::uint64_t id_;
  unique_fd root_;
  unique_fd lease_;  ///< the jailer drops the volume when this end closes
};

struct volume_options {
  bytes size = 512_MiB;
  std::uint64_t inodes = 200'000;
  friend bool operator==(const volume_options&, const volume_options&) = default;
};

/// Where what comes out of a jail goes. All are called on the thread that waits; an empty function drops its stream.
struct jail_sinks {
  std::function<void(std::string_view)> on_stdout;  ///< raw bytes, at most limits.output in all
  std::function<void(std::string_view)> on_stderr;
  std::function<void(std::string_view json)> on_audit;        ///< one datagram from inside: a hint, may be forged
  std::function<void(std::string_view json)> on_observation;  ///< one line from the observer: evidence
};

struct stream_totals {
  std::uint64_t stdout_bytes = 0;  ///< all that was written, also beyond the cap
  std::uint64_t stderr_bytes = 0;
  bool truncated = false;
};

class conversation;

/// One running jail. Destroying it kills every process in it and waits for nothing.
class jail {
 public:
  jail(jail&&) noexcept = default;
  jail& operator=(jail&&) noexcept = default;

  /// It was made before it was asked for, and only given its program.
  [[nodiscard]] bool was_prepared() const noexcept { return was_prepared_; }

  /// network_mode::gateway: the listening socket that was made inside the jail's network namespace. Empty otherwise.
  [[nodiscard]] unique_fd take_gateway() noexcept { return std::move(gateway_); }

  /// network_mode::outbound: what the program's connections and questions for names arrive at. Empty otherwise.
  [[nodiscard]] outbound_ends take_outbound() noexcept { return {std::move(gateway_), std::move(names_)}; }

  /// Pumps the streams into `sinks` until the program and all that it started are gone, then says how it ended: of the
  /// jail its init at most is still dying. A stop request kills the jail; the outcome is then ending::canceled. Fails
  /// only when the jailer itself was lost. `talk`: what others say to it meanwhile (conversation.hpp). `input`: where
  /// its input goes, the other end of the program's standard input, non-blocking; not looked at when the jail has a
  /// terminal. The thread ignores SIGPIPE.
  [[nodiscard]] result<outcome> wait(const jail_sinks& sinks, std::stop_token stop = {}, conversation* talk = nullptr,
                                     unique_fd input = unique_fd{});
  [[nodiscard]] const stream_totals& totals() const noexcept { return totals_; }

  /// What wait() would work with, for a caller that has a loop of its own: the channel says how it ended (protocol.hpp)
  /// and is shut down to cancel; the streams are non-blocking.
  struct ends {
    unique_fd channel, standard_output, standard_error, audit, observations, gateway, names;
  };
  [[nodiscard]] ends release() && noexcept {
    return {std::move(channel_),      std::move(stdout_),  std::move(stderr_), std::move(audit_),
            std::move(observations_), std::move(gateway_), std::move(names_)};
  }

  /// For a process that is its own jailer (jailer_process::begin): what came on `channel` first.
  [[nodiscard]] static result<jail> from_answer(const policy& what, unique_fd channel, wire::message answer);

 private:
  jail() = default;
  unique_fd channel_, stdout_, stderr_, audit_, observations_, gateway_, names_;
  limits limits_;
  bool has_terminal_ = false;  ///< stdout_ is its master
  bool was_prepared_ = false;
  stream_totals totals_;
};

class jailer {
 public:
  /// `connection`: one end of the socket pair whose other end the jailer process serves. May be empty: then every call
  /// fails with `jailer: not connected` until replace() is called.
  explicit jailer(unique_fd connection = unique_fd{});

  /// The jailer process was restarted: later calls use this connection. Jails and volumes of the old one are lost.
  void replace(unique_fd connection);
  [[nodiscard]] bool connected() const;

  /// `meant_for`: what will probably be started with it, as the only jail. When jails of that kind were asked for
  /// before, the volume may be one that such a jail already waits with, and start() then takes a fraction of its time.
  [[nodiscard]] result<volume> make_volume(const volume_options& options, const policy* meant_for = nullptr);
  /// `volumes[i]` is what policy::volumes with index i mounts. A jail runs as the owner of its first volume.
  [[nodiscard]] result<jail> start(const policy& what, std::span<const volume* const> volumes = {},
                                   unique_fd standard_input = unique_fd{});

  /// Puts files into a volume that no jail uses yet, as the property of its jails; returns them as they lie there. A
  /// failure of step `deposit` names the file as its subject and the reason as its errno (ENOSPC, EISDIR, ...).
  [[nodiscard]] result<std::vector<known_file>> deposit(const volume& into, const std::vector<volume_file>& files);
  /// Reads what is in a volume that no jail uses any more.
  [[nodiscard]] result<gathered> gather(const volume& from, const gather_options& options);

  /// Opens regular files at the top of a volume that no jail uses any more: a few, those whose names come after
  /// `after`. Each is checked to be one, open for reading only; its size is what it says.
  [[nodiscard]] result<handed_files> hand_out(const volume& from, const std::string& after);

  /// Tries every layer: runs `lazaret-probe`, from beside the jailer, in a jail of its own, and adds what can only be
  /// seen from outside. One report per layer, in the order of layers(). Takes some 0.3 s and one jail, so its callers
  /// keep the answer for a while. Fails only when no jailer answers; that no jail could be made is `broken` everywhere.
  /// A stop request kills that jail, and what was not tried is broken.
  [[nodiscard]] result<std::vector<layer_report>> self_test(std::stop_token stop = {});
  /// Would every jail be refused for a required layer that this host can't have? Asks the jailer, makes no jail.
  [[nodiscard]] result<void> check();

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<unique_fd> connection_;
};

}  // namespace lazaret::sandbox
