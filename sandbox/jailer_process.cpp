#include "sandbox/jailer_process.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "sandbox/own_namespace.hpp"
#include "sandbox/timer.hpp"
#include "sandbox/try.hpp"

namespace lazaret::sandbox {
namespace {

using protocol::kind;

/// As many as jails are made at once, and one while the next is made.
constexpr unsigned spare_network_namespaces = 2;

/// More than running_jail's own patience with a jail's set-up.
constexpr std::chrono::seconds set_up_patience{12};

/// A directory that always exists or can be made, and that no bind ever names.
std::string choose_workspace(const std::string& wanted) {
  if (!wanted.empty()) return wanted;
  constexpr const char* own = "/run/lazaret-jailer";
  struct stat status {};
  if (::mkdir(own, 0755) == 0 || ::stat(own, &status) == 0) return own;
  return "/mnt";
}

/// May everybody search the directories above? An unprivileged jailer's jails have its own uid, but no other right.
bool is_reachable_by_all(const std::string& path) {
  struct stat status {};
  for (auto at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
    if (::stat(path.substr(0, at).c_str(), &status) != 0 || (status.st_mode & S_IXOTH) == 0) return false;
  return true;
}

/// Jails hold several descriptors each. As far as the hard limit goes; more needs CAP_SYS_RESOURCE.
void raise_descriptor_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

/// A jail's is 1, which is more than a caller's `ulimit -c 0` leaves: CAP_SYS_RESOURCE may raise it, and 0 does as well
/// where cores are files. Where they go to a program, 0 would start it, as the host's root, for each core.
result<void> provide_core_limit() {
  rlimit core{};
  if (::getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0) return {};
  core = {1, 1};
  if (::setrlimit(RLIMIT_CORE, &core) == 0) return {};
  char first = '|';
  const unique_fd pattern{::open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC)};
  if (pattern && ::read(pattern.get(), &first, 1) == 1 && first != '|') return {};
  return failure{"resource_limits", EPERM, "RLIMIT_CORE=1", "the hard limit is 0: `ulimit -Hc 1` where it is set"};
}

std::string link_text(const std::string& path) {
  std::array<char, 4096> text{};
  const auto size = ::readlink(path.c_str(), text.data(), text.size());
  return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

bool is_seqpacket(int fd) {
  int type = 0, domain = 0;
  socklen_t length = sizeof type;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_SEQPACKET) return false;
  length = sizeof domain;
  return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX;
}

/// From beside this program: wherever that is, whoever may go there. Call before leaving the mount namespace that the
/// program was started in: once that is gone, nobody knows the path any more (d_path() in fs/d_path.c).
result<unique_fd> open_probe() {
  auto path = link_text("/proc/self/exe");
  path = path.substr(0, path.rfind('/')) + "/lazaret-probe";
  unique_fd probe{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!probe) return os_failure("survey", "open " + path, "is it installed beside lazaret-jailer?");
  return probe;
}

}  // namespace

struct jailer_process::parts {
  std::unique_ptr<guardian> guard;
  event_loop loop;
  undertaker buries;
  spare_networks networks;
  unique_fd connection;
  workspace place;
  uid_pool::options uids;
  bind_rules rules;
  shared_trees trees;
  result<seccomp_filter> plain, observing;
  result<std::unique_ptr<cgroup_tree>> groups;
  result<unique_fd> probe;
  std::vector<std::string> require;
  bool privileged;
  std::size_t ahead, shells;
  std::vector<std::string> lend;
  unique_fd host_mounts;
};

jailer_process::jailer_process(parts p)
    : guardian_{std::move(p.guard)},
      loop_{std::move(p.loop)},
      undertaker_{std::move(p.buries)},
      spare_networks_{std::move(p.networks)},
      connection_{std::move(p.connection)},
      workspace_{std::move(p.place)},
      uids_{p.uids},
      rules_{std::move(p.rules)},
      trees_{std::move(p.trees)},
      plain_filter_{std::move(p.plain)},
      observing_filter_{std::move(p.observing)},
      groups_{std::move(p.groups)},
      probe_{std::move(p.probe)},
      require_{std::move(p.require)},
      privileged_{p.privileged},
      lend_{std::move(p.lend)},
      host_mounts_{std::move(p.host_mounts)},
      stock_{p.ahead},
      most_shells_{p.shells} {
  optional_ = available_layers(facts());
  if (!plain_filter_) refusal_ = plain_filter_.error();
  if (!observing_filter_) refusal_ = observing_filter_.error();
  if (!groups_) refusal_ = groups_.error();
  if (auto met = check_required(facts(), require_); !met) refusal_ = met.error();
}

result<std::unique_ptr<jailer_process>> jailer_process::make(const jailer_process_options& options) {
  if (options.connection >= 0 && !is_seqpacket(options.connection))
    return failure{"jailer", ENOTSOCK, "fd " + std::to_string(options.connection), "the service starts this program"};
  if (options.connection >= 0) ::fcntl(options.connection, F_SETFD, FD_CLOEXEC);
  ::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  if (auto done = provide_core_limit(); !done) return done.error();
  std::unique_ptr<guardian> guard;
  if (options.for_one_jail) {
    auto started = guardian::start(*options.for_one_jail + set_up_patience);
    if (!started) return started.error();
    guard = std::move(*started);
  }
  auto networks =
      guard ? result<spare_networks>{spare_networks{*guard}} : spare_networks::make(spare_network_namespaces);
  if (!networks) return networks.error();
  auto groups = open_cgroup_tree(guard.get());  // while the host's mounts are in sight
  auto ids = choose_uids(options.uid_base);
  if (!ids) return ids.error();
  // What a user lends is written to as that user, whose other uids own nothing of it.
  if (!options.lend.empty() && ids->outside != 0) *ids = {.base = 0, .count = 1, .single = true};
  const auto directory = choose_workspace(options.workspace);
  bind_rules rules{options.allow_binds};
  auto probe = options.connection >= 0 ? open_probe() : result<unique_fd>{};  // only who connects can ask for it
  unique_fd host_mounts{guard ? ::open(own_mounts, O_RDONLY | O_CLOEXEC) : -1};
  auto place = workspace::enter(directory);
  if (!place) return place.error();
  for (const auto& allowed : options.allow_binds) {
    if (::access(allowed.c_str(), F_OK) != 0 && errno == ENOENT) continue;  // runtimes that are not installed
    if (is_reachable_by_all(allowed)) continue;                             // else one more overlay for each jail
    auto exposed = place->expose(allowed);
    if (!exposed) return exposed.error();
    rules.redirect(allowed, std::move(*exposed));
  }
  auto trees = shared_trees::prepare(directory, rules.prefixes(), guard != nullptr);
  auto loop = event_loop::make();
  if (!loop) return loop.error();
  auto buries = guard ? result<undertaker>{undertaker{}} : undertaker::make();
  if (!buries) return buries.error();
  return std::unique_ptr<jailer_process>{new jailer_process{
      parts{std::move(guard), std::move(*loop), std::move(*buries), std::move(*networks), unique_fd{options.connection},
            std::move(*place), *ids, std::move(rules), std::move(trees), seccomp_filter::ready({.observe = false}),
            seccomp_filter::ready({.observe = true}), std::move(groups), std::move(probe), options.require,
            !ids->single, options.ahead, options.shells, options.lend, std::move(host_mounts)}}};
}

result<void> jailer_process::serve() {
  LAZARET_TRY(loop_.watch(connection_.get(), [this] { hear_service(); }));
  auto timer = make_timer();
  if (!timer) return timer.error();
  preparation_ = std::move(*timer);
  LAZARET_TRY(loop_.watch(preparation_.get(), [this] {
    disarm(preparation_.get());
    prepare();
  }));
  keep_spare_group();
  if (lacks_shells()) arm(preparation_.get(), std::chrono::milliseconds{1});
  while (open_) LAZARET_TRY(loop_.turn());
  jails_.clear();  // kills
  return {};
}

void jailer_process::hear_service() {
  auto got = wire::receive(connection_.get());
  if (got && got->closed()) open_ = false;
  if (got && !got->closed()) accept(std::move(*got));
  // What did not fit in a message is dropped with its descriptors: whoever sent it sees its channel close.
}

void jailer_process::accept(wire::message request) {
  if (request.fds.empty() || !is_seqpacket(request.fds.front().get())) return;  // nobody to tell
  unique_fd channel = std::move(request.fds.front());
  request.fds.erase(request.fds.begin());
  const int answer = ::fcntl(channel.get(), F_DUPFD_CLOEXEC, 0);
  unique_fd refusal{answer};
  result<void> done = failure{"jailer", 0, "malformed request", {}};
  switch (static_cast<kind>(request.bytes.front())) {
    case kind::make_volume:
      done = give_volume(request, channel);
      break;
    case kind::start:
      done = start_jail(request, channel);
      break;
    case kind::deposit:
    case kind::gather:
    case kind::hand_out:
      done = send_steward(request, channel);
      break;
    case kind::survey:
      done = tell_layers(request, channel);
      break;
    default:
      break;
  }
  if (!done && refusal) (void)wire::send(refusal.get(), protocol::encode(kind::failed, done.error()));
}

host_facts jailer_process::facts() const {
  const auto why_not = [](const auto& had) { return had ? std::nullopt : std::optional{had.error()}; };
  return {.cgroups = groups_ ? groups_->get() : nullptr,
          .no_cgroups = why_not(groups_),
          .no_private_inodes = trees_.reason(),
          .no_seccomp = plain_filter_ ? why_not(observing_filter_) : why_not(plain_filter_),
          .landlock_abi = landlock_abi_};
}

result<void> jailer_process::tell_layers(const wire::message& request, const unique_fd& channel) {
  if (request.bytes.size() != 1 || !request.fds.empty()) return failure{"survey", EPROTO, "request", {}};
  protocol::survey_answer answer;
  answer.layers = survey(facts(), require_);
  for (const std::string kind : {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"})
    answer.namespaces.push_back(link_text("/proc/self/ns/" + kind));
  answer.landlock_abi = static_cast<std::uint32_t>(landlock_abi_);
  answer.refuses = refusal_.has_value();
  if (refusal_) answer.why = *refusal_;
  if (!probe_) return probe_.error();
  hold_shared_lock();
  const int sent = probe_->get();
  return wire::send(channel.get(), protocol::encode(kind::surveyed, answer), {&sent, 1});
}

/// For the trial of layer `inodes`: a lock on a directory that every jail sees, which none may notice.
void jailer_process::hold_shared_lock() {
  if (lock_) return;
  lock_.reset(::open(shared_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ::flock(lock_.get(), LOCK_SH | LOCK_NB);
}

}  // namespace lazaret::sandbox
