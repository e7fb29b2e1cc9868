#pragma once
/// What one jail may do and have. A value: copy it, change a field, hand it to jailer::start. No field is optional to
/// enforce: a jail whose policy can't be set up is not started (see failure.hpp).

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/units.hpp"

namespace lazaret::sandbox {

/// A directory or file of the host, seen inside. nosuid and nodev always.
struct bind_mount {
  std::string source;      ///< absolute path on the host
  std::string target;      ///< absolute path inside; created; later entries cover earlier ones
  bool executable = true;  ///< false adds noexec
  bool optional = false;   ///< true: silently absent when the host has no such path
  /// The program may write there, as the directory's owner. Refused by every jailer that was not started for it: only
  /// `lazaret jail --bind SRC:DST:rw` starts one so. For all others a host path is read-only by construction.
  bool writable = false;
  friend bool operator==(const bind_mount&, const bind_mount&) = default;
};

/// A fresh file system that lives as long as the jail. Its pages count against the jail's memory.
struct tmpfs_mount {
  std::string target;
  bytes size = 64_MiB;
  std::uint64_t inodes = 65536;
  bool executable = false;
  bool writable = true;  ///< false: an empty directory, where something may be expected to be
};

/// Directories of the host as one, with a layer of the jail's own on top: overlayfs. What the host has stays as it is.
/// The jail owns what it makes there and the directories down to `own_depth`; below that, the host's modes count, and
/// hardly ever let it write. It can remove the host's files and make them again, but not change or rename them:
/// EOVERFLOW, for the layer could not have their owner, who is nobody inside. Every lower directory must be readable
/// for everybody.
struct overlay_mount {
  std::vector<std::string> lower;  ///< absolute paths on the host, 1 to 32, the uppermost first; as binds are allowed
  std::string target;
  bool executable = true;
  bool writable = true;  ///< false: no layer, and nothing below counts
  /// Of the layer. It is a tmpfs that goes with the jail, and its pages count against the jail's memory.
  bytes size = 64_MiB;
  std::uint64_t inodes = 65536;
  /// From 0: the layer is this volume's directory `upper` instead, and can be read afterwards; overlayfs also needs
  /// `work` there. Neither may exist when the jail starts.
  std::int32_t volume = -1;
  /// Directories of the lower trees that the layer has from the start: 0: the root alone, 1: those in it, ... up to 8.
  /// Each costs a mkdir at the start; more than 4096 of them are refused.
  std::uint32_t own_depth = 0;
};

/// A tmpfs that outlives one jail, so that the phases of one run can share it. See jailer::make_volume.
struct volume_mount {
  std::size_t index = 0;  ///< into the volumes handed to jailer::start
  std::string target;
  bool writable = true;
  bool executable = true;
};

struct text_file {
  std::string target;  ///< absolute path inside, on the root's own (read-only in the end) tmpfs
  std::string content;
  bool executable = false;  ///< true: a program; the root is then not noexec
  friend bool operator==(const text_file&, const text_file&) = default;
};

struct symbolic_link {
  std::string target;  ///< absolute path inside of the link itself
  std::string points_to;
  friend bool operator==(const symbolic_link&, const symbolic_link&) = default;
};

enum class network_mode : std::uint8_t {
  none,     ///< an empty network namespace, loopback down
  gateway,  ///< loopback up; one listener on 127.0.0.1:`gateway_port`, whose fd is passed out; no route anywhere
  /// loopback and eth0 up; all TCP arrives at one listener, whose fd is passed out: see outbound.hpp, allow_outbound()
  outbound,
};

enum class on_output_limit : std::uint8_t {
  discard,  ///< keep the first `output` bytes of each stream, drain and drop the rest
  kill,     ///< end the jail with ending::output_limit
};

struct limits {
  std::chrono::milliseconds wall{45'000};  ///< from exec to the end of the last process
  std::chrono::milliseconds cpu{30'000};   ///< user + system of all processes together
  bytes memory = 1_GiB;                    ///< cgroup, swap included, tmpfs pages included
  bytes address_space{0};                  ///< RLIMIT_AS of each process; 0: not limited
  std::uint32_t pids = 128;                ///< processes and threads, cgroup
  std::uint32_t open_files = 1024;         ///< RLIMIT_NOFILE; at least 16, of which the start needs 10
  bytes file_size = 4_GiB;                 ///< RLIMIT_FSIZE
  double cpus = 0;                         ///< cgroup cpu quota in cores; 0, or all that there are: not limited
  /// Weight among the jails while they want more processor than there is; 1024 is an even share, 0 says nothing. Where
  /// the host limits no processor time it is not needed, and not missed.
  std::uint32_t cpu_shares = 0;
  bytes output = 1_MiB;  ///< of stdout and of stderr, each
  on_output_limit when_output_exceeds = on_output_limit::discard;
};

/// The size of a terminal in characters.
struct window {
  std::uint16_t rows = 0, columns = 0;
};

struct policy {
  std::vector<std::string> argv;         ///< argv[0]: an absolute path inside, or a name looked for in PATH
  std::vector<std::string> environment;  ///< `NAME=value`; nothing of the host's is inherited
  std::string working_directory = "/";
  std::string hostname = "lazaret";
  std::vector<bind_mount> binds;
  std::vector<tmpfs_mount> tmpfs;
  std::vector<overlay_mount> overlays;
  std::vector<volume_mount> volumes;
  std::vector<text_file> files;
  std::vector<symbolic_link> links;
  network_mode network = network_mode::none;
  std::uint16_t gateway_port = 3141;
  bool merge_output = false;  ///< standard error is standard output: one pipe, so one order
  /// Not zero: a pseudo-terminal of the jail's own is the program's standard input, output and error, and its
  /// controlling terminal (terminal.hpp). No standard input may be handed over then.
  window terminal;
  bool mount_proc = false;     ///< /proc with hidepid=invisible; only the jail's own processes
  bool audit_channel = false;  ///< /run/lazaret/audit.sock, a datagram socket that can only be sent to
  bool observe = false;        ///< report exec, connect, ... seen from outside by seccomp notification
  sandbox::limits limits;
};

/// The host's /usr read-only with the usual links, an /etc that names nobody, a minimal /dev, and no writable place.
[[nodiscard]] policy base_policy();

}  // namespace lazaret::sandbox
