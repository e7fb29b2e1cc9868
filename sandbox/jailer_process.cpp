#include "sandbox/jailer_process.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "sandbox/own_namespace.hpp"
#include "sandbox/steward.hpp"
#include "sandbox/try.hpp"

namespace lazaret::sandbox {
namespace {

using protocol::kind;

// Far above what a host can run at once, low enough that a service gone mad can't use up the kernel.
constexpr std::size_t max_jails = 512;
constexpr std::size_t max_volumes = 1024;
constexpr std::size_t max_stewards = 128;

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

/// Not where the uid matters, which is another one for each jail; nor where Landlock must know the standard input.
bool may_be_prepared(const jail_request& request) {
  struct stat input {};
  const bool is_known = ::fstat(request.standard_input.get(), &input) == 0 &&
                        (S_ISFIFO(input.st_mode) || (S_ISCHR(input.st_mode) && input.st_rdev == makedev(1, 3)));
  return is_known && request.volume_paths.empty() && std::ranges::none_of(request.what.binds, &bind_mount::writable);
}

/// A directory as standard input would be a way out of the jail: openat(0, "..") (openat(2)).
result<unique_fd> check_standard_input(unique_fd given) {
  struct stat status {};
  if (!given) {
    given.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!given) return os_failure("start_jail", "open /dev/null");
    return given;
  }
  const int flags = ::fcntl(given.get(), F_GETFL);
  if (flags < 0 || (flags & O_PATH) != 0 || ::fstat(given.get(), &status) != 0 ||
      !(S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)))
    return failure{"start_jail", EINVAL, "standard input", "a file, pipe or character device"};
  return given;
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
  event_loop loop;
  undertaker buries;
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
  std::size_t ahead;
  std::vector<std::string> lend;
};

jailer_process::jailer_process(parts p)
    : loop_{std::move(p.loop)},
      undertaker_{std::move(p.buries)},
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
      stock_{p.ahead} {
  optional_ = available_layers(facts());
  if (!plain_filter_) refusal_ = plain_filter_.error();
  if (!observing_filter_) refusal_ = observing_filter_.error();
  if (!groups_) refusal_ = groups_.error();
  if (auto met = check_required(facts(), require_); !met) refusal_ = met.error();
}

result<std::unique_ptr<jailer_process>> jailer_process::make(const jailer_process_options& options) {
  if (!is_seqpacket(options.connection))
    return failure{"jailer", ENOTSOCK, "fd " + std::to_string(options.connection), "the service starts this program"};
  ::fcntl(options.connection, F_SETFD, FD_CLOEXEC);
  ::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  if (auto done = provide_core_limit(); !done) return done.error();
  auto groups = open_cgroup_tree(options.for_one_jail);  // while the host's mounts are in sight
  auto ids = choose_uids(options.uid_base);
  if (!ids) return ids.error();
  // What a user lends is written to as that user, whose other uids own nothing of it.
  if (!options.lend.empty() && ids->outside != 0) *ids = {.base = 0, .count = 1, .single = true};
  const auto directory = choose_workspace(options.workspace);
  bind_rules rules{options.allow_binds};
  auto probe = open_probe();
  auto place = workspace::enter(directory);
  if (!place) return place.error();
  for (const auto& allowed : options.allow_binds) {
    if (is_reachable_by_all(allowed)) continue;  // else one more overlay for each jail
    auto exposed = place->expose(allowed);
    if (!exposed) return exposed.error();
    rules.redirect(allowed, std::move(*exposed));
  }
  auto trees = shared_trees::prepare(directory, rules.prefixes(), options.for_one_jail);
  auto loop = event_loop::make();
  if (!loop) return loop.error();
  auto buries = undertaker::make();
  if (!buries) return buries.error();
  return std::unique_ptr<jailer_process>{new jailer_process{parts{
      std::move(*loop), std::move(*buries), unique_fd{options.connection}, std::move(*place), *ids, std::move(rules),
      std::move(trees), seccomp_filter::ready({.observe = false}), seccomp_filter::ready({.observe = true}),
      std::move(groups), std::move(probe), options.require, !ids->single, options.ahead, options.lend}}};
}

result<void> jailer_process::serve() {
  LAZARET_TRY(loop_.watch(connection_.get(), [this] { hear_service(); }));
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
      done = make_volume(request, channel);
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

result<void> jailer_process::make_volume(wire::message& request, unique_fd& channel) {
  const auto options = protocol::decode<volume_options>(std::string_view{request.bytes}.substr(1));
  if (!options) return options.error();
  if (volumes_.size() >= max_volumes) return failure{"make_volume", EMFILE, "volumes", "too many at once"};
  auto uid = uids_.take();
  if (!uid) return uid.error();
  auto made = workspace_.make_volume(*options, std::move(*uid));
  if (!made) return made.error();
  const int lease = channel.get();
  const int root = made->root.get();
  auto answered = wire::send(lease, protocol::encode(kind::volume_made, made->id), {&root, 1});
  if (answered)
    answered = loop_.watch(lease, [this, lease] {  // whatever is said on it, or its end, ends it
      loop_.forget(lease);
      loop_.later([this, lease] {
        const auto held = volumes_.find(lease);
        if (held == volumes_.end()) return;
        workspace_.drop(held->second.id);
        volumes_.erase(held);
      });
    });
  if (!answered) {
    workspace_.drop(made->id);
    return answered;
  }
  volumes_[lease] = {std::move(channel), made->id};
  return {};
}

result<void> jailer_process::send_steward(wire::message& request, unique_fd& channel) {
  if (stewards_.size() >= max_stewards) return failure{"steward", EAGAIN, "stewards", "too many at once"};
  const auto id = protocol::decode<std::uint64_t>(std::string_view{request.bytes}.substr(1));
  if (!id) return id.error();
  if (request.fds.size() != 1) return failure{"steward", EPROTO, "request", {}};
  const auto* volume = workspace_.find(*id);
  if (volume == nullptr)
    return failure{"steward", ENOENT, "volume " + std::to_string(*id), "was its jailer restarted?"};
  const unique_fd root{::open(volume->path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!root) return os_failure("steward", "open " + volume->path);
  const auto duty = static_cast<kind>(request.bytes.front());
  auto started = start_steward({.uid = *volume->owner,
                                .changes_uid = privileged_,
                                .root = root.get(),
                                .channel = channel.get(),
                                .body = request.fds.front().get(),
                                .work = duty == kind::deposit  ? do_deposit
                                        : duty == kind::gather ? do_gather
                                                               : do_hand_out});
  if (!started) return started.error();
  const int pidfd = started->get();
  stewards_[pidfd] = std::move(*started);
  return loop_.watch(pidfd, [this, pidfd, owner = volume->owner] {  // its uid is nobody else's while it lives
    loop_.forget(pidfd);
    siginfo_t ignored{};
    ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &ignored, WEXITED);
    loop_.later([this, pidfd] { stewards_.erase(pidfd); });
  });
}

/// Where each source is to be taken from, while the host is in sight.
result<void> jailer_process::place_binds(policy& what, std::uint32_t uid) {
  for (auto& bind : what.binds) {
    if (!bind.writable) {
      bind.source = rules_.where(bind.source);
      continue;
    }
    if (std::ranges::find(lend_, bind.source) == lend_.end())
      return failure{"start_jail", EACCES, bind.source + " to be written to", "this jailer lends no host path"};
    // Unprivileged, the jail's uid is the caller's own outside: there is nothing to map.
    auto place = privileged_ ? workspace_.lend(bind.source, uid) : workspace_.expose(bind.source);
    if (!place) return place.error();
    bind.source = std::move(*place);
  }
  return {};
}

result<void> jailer_process::start_jail(wire::message& request, unique_fd& channel) {
  if (refusal_) return *refusal_;
  if (jails_.size() >= max_jails) return failure{"start_jail", EAGAIN, "jails", "too many at once"};
  wire::reader head{std::string_view{request.bytes}.substr(1)};
  const auto present = head.number<std::uint8_t>();
  const std::size_t expected = ((present & protocol::has_stdin) != 0) + ((present & protocol::has_body) != 0);
  if (!head.ok() || request.fds.size() != expected) return failure{"start_jail", EPROTO, "request", {}};

  auto body = request.bytes.substr(2);
  if ((present & protocol::has_body) != 0) {
    auto sealed = wire::unseal(request.fds.back().get(), protocol::max_body);
    if (!sealed) return sealed.error();
    body = std::move(*sealed);
  }
  auto wanted = protocol::decode<protocol::start_request>(body);
  if (!wanted) return wanted.error();
  LAZARET_TRY(validate(wanted->what, wanted->volumes.size()));

  jail_request accepted;
  for (const auto id : wanted->volumes) {
    const auto* volume = workspace_.find(id);
    if (volume == nullptr)
      return failure{"start_jail", ENOENT, "volume " + std::to_string(id), "was its jailer restarted?"};
    accepted.volume_paths.push_back(volume->path);
    if (!accepted.uid) accepted.uid = volume->owner;
  }
  if (!accepted.uid) {
    auto uid = uids_.take();
    if (!uid) return uid.error();
    accepted.uid = std::move(*uid);
  }
  LAZARET_TRY(place_binds(wanted->what, *accepted.uid));
  auto input =
      check_standard_input((present & protocol::has_stdin) != 0 ? std::move(request.fds.front()) : unique_fd{});
  if (!input) return input.error();
  accepted.standard_input = std::move(*input);
  accepted.what = std::move(wanted->what);
  accepted.channel = std::move(channel);
  return start_jail(accepted);
}

/// A jail that is needed again and again is prepared before it is needed: namespaces, cgroup, root and all, which is
/// half of the time that one takes. Each is used once.
result<void> jailer_process::start_jail(jail_request& accepted) {
  while (may_be_prepared(accepted)) {
    const auto waiting = stock_.take(accepted.what);
    if (!waiting) break;
    const auto jail = jails_.find(*waiting);
    if (jail == jails_.end()) continue;
    if (jail->second->take_on(accepted)) return {};
    jails_.erase(jail);
  }
  return make_jail(std::move(accepted));
}

/// One at a time, when a program has just been started: the jailer has nothing else to do for it until it ends.
void jailer_process::prepare() {
  for (const auto number : stock_.expired()) jails_.erase(number);
  const auto* what = stock_.missing();
  if (what == nullptr || jails_.size() >= max_jails) return;
  auto input = check_standard_input({});
  if (!input) return;
  jail_request request;
  request.what = *what;
  request.standard_input = std::move(*input);
  if (!make_jail(std::move(request))) return;
  stock_.add(last_jail_);
  loop_.later([this] { prepare(); });  // at the next event, if only that this one is ready
}

result<void> jailer_process::make_jail(jail_request accepted) {
  if (!accepted.uid) {
    auto uid = uids_.take();
    if (!uid) return uid.error();
    accepted.uid = std::move(*uid);
  }
  const auto number = ++last_jail_;
  auto jail = std::make_unique<running_jail>(
      jail_resources{loop_, **groups_, rules_, trees_, *plain_filter_, *observing_filter_, workspace_.mount_point(),
                     optional_, undertaker_, prepare_, privileged_},
      "jail-" + std::to_string(number), std::move(accepted),
      [this, number](unique_fd holder, const std::string& last_words) {
        loop_.later([this, number, holder = std::make_shared<unique_fd>(std::move(holder)), last_words] {
          if (*holder) (void)wire::send(holder->get(), last_words);
          stock_.forget(number);
          jails_.erase(number);  // its empty cgroup: nobody needs to wait for that
        });
      });
  LAZARET_TRY(jail->start());
  jails_.emplace(number, std::move(jail));
  return {};
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
