#include "sandbox/running_jail.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "sandbox/layers/user.hpp"
#include "sandbox/protocol.hpp"
#include "sandbox/timer.hpp"
#include "sandbox/try.hpp"

namespace lazaret::sandbox {
namespace {

using protocol::kind;
using namespace std::chrono_literals;

// All but net (spare_networks.hpp), and cgroup, which init unshares itself once it is in its group (see
// hide_cgroup_path).
constexpr std::uint64_t namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
constexpr auto set_up_patience = 10s;

result<std::pair<unique_fd, unique_fd>> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return os_failure("start_jail", "pipe2");
  std::pair made{unique_fd{ends[0]}, unique_fd{ends[1]}};
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return os_failure("start_jail", "O_NONBLOCK");
  return made;
}

result<void> write_proc(int pid, const char* file, const std::string& text) {
  const auto path = "/proc/" + std::to_string(pid) + "/" + file;
  unique_fd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!fd || ::write(fd.get(), text.data(), text.size()) < 0) return os_failure("map_ids", "write " + path);
  return {};
}

/// Has this process ended, or is it about to? It loses its memory, and with that its files in /proc, and its sockets
/// before its end is told.
bool ends(const unique_fd& process) {
  pollfd end{process.get(), POLLIN, 0};
  return ::poll(&end, 1, 100) == 1;
}

}  // namespace

running_jail::running_jail(const jail_resources& with, std::string name, jail_request request, farewell gone)
    : with_{with}, name_{std::move(name)}, request_{std::move(request)}, gone_{std::move(gone)} {}

running_jail::~running_jail() {
  for (const auto* fd : {&status_, &init_, &wall_timer_, &cpu_timer_, &request_.channel})
    if (*fd) with_.loop.forget(fd->get());
  if (observer_) with_.loop.forget(observer_->fd());
  kill();
  if (pid_ > 0) {
    siginfo_t ignored{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &ignored, WEXITED);
  }
  with_.buries.bury(std::move(mounts_));  // not before: init would take them down, and be waited for
}

result<void> running_jail::start() {
  auto done = set_up();
  if (done) return done;
  hear_last_words();  // init may have failed before us, and then knows the reason
  return failure_ ? result<void>{*failure_} : done;
}

result<void> running_jail::set_up() {
  LAZARET_TRY(make_controls());
  if (request_.channel) LAZARET_TRY(make_pipes());
  if (const auto& size = request_.what.terminal; size.rows != 0) {
    auto made = open_terminal(size, *request_.uid);
    if (!made) return made.error();
    terminal_ = std::move(*made);
  }
  auto group = request_.knows == told::nothing ? with_.groups.make_unlimited(name_)
                                               : with_.groups.make(name_, request_.what.limits);
  if (!group) return group.error();
  group_ = std::move(*group);
  LAZARET_TRY(clone_init());
  if (terminal_) terminal_->instance.reset();
  init_status_.reset(), output_write_.reset(), error_write_.reset(), request_.standard_input.reset();
  auto told = map_ids();
  if (told) told = wire::send(status_.get(), protocol::encode(kind::proceed));
  // An init that gave up before it was told to go on has said why: that is heard in its turn.
  if (!told && told.error().error != EPIPE && !ends(init_)) return told;
  return watch_all();
}

result<void> running_jail::take_on(jail_request& request) {
  LAZARET_TRY(make_pipes());
  if (request_.knows == told::nothing) LAZARET_TRY(with_.groups.limit(*group_, request.what.limits));
  LAZARET_TRY(with_.loop.watch(request.channel.get(), [this] { hear_holder(); }));
  if (auto done = tell(request); !done) {
    with_.loop.forget(request.channel.get());
    return done;
  }
  output_write_.reset(), error_write_.reset();
  arm(wall_timer_.get(), set_up_patience);
  request_.what = std::move(request.what);
  request_.channel = std::move(request.channel);
  was_prepared_ = request_.knows == told::all_but_the_program;
  request.standard_input.reset();
  return {};
}

result<void> running_jail::tell(const jail_request& request) {
  const auto& what = request.what;
  std::vector<int> fds{request.standard_input.get(), output_write_.get(),
                       (what.merge_output ? output_write_ : error_write_).get()};
  if (request_.knows == told::all_but_the_program) {
    const protocol::program program{what.argv, what.environment, what.working_directory};
    return wire::send(status_.get(), protocol::encode(kind::program, program), fds);
  }
  const auto message = protocol::encode(kind::policy, what);
  if (message.size() <= wire::max_message) return wire::send(status_.get(), message, fds);
  const auto sealed = wire::seal(std::string_view{message}.substr(1));
  if (!sealed) return sealed.error();
  fds.push_back(sealed->get());
  return wire::send(status_.get(), protocol::encode(kind::policy), fds);
}

result<void> running_jail::make_pipes() {
  for (auto [read, write] : {std::pair{&output_read_, &output_write_}, std::pair{&error_read_, &error_write_}}) {
    auto ends = make_pipe();
    if (!ends) return ends.error();
    *read = std::move(ends->first), *write = std::move(ends->second);
    // So that the program can open /dev/stdout and /dev/stderr again, which is asked of the pipe's inode; to write
    // only.
    if (::fchown(write->get(), *request_.uid, static_cast<gid_t>(-1)) != 0 || ::fchmod(write->get(), 0200) != 0)
      return os_failure("start_jail", "give a pipe to the jail's uid");
  }
  return {};
}

result<void> running_jail::make_controls() {
  auto status = wire::make_channel();
  if (!status) return status.error();
  status_ = std::move(status->first), init_status_ = std::move(status->second);
  for (auto* timer : {&wall_timer_, &cpu_timer_}) {
    auto made = make_timer();
    if (!made) return made.error();
    *timer = std::move(*made);
  }
  return {};
}

result<void> running_jail::clone_init() {
  int unguarded = -1;
  int& pidfd = with_.guarded_by != nullptr ? with_.guarded_by->init() : unguarded;
  clone_args how{};
  std::optional<spare_networks::visit> network;
  if (request_.what.network == network_mode::none) network.emplace(with_.networks);
  how.flags = namespaces | CLONE_PIDFD | (network && network->entered() ? 0 : CLONE_NEWNET);
  how.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  how.exit_signal = SIGCHLD;
  if (const int group = group_->clone_into_fd(); group >= 0) {
    how.flags |= CLONE_INTO_CGROUP;
    how.cgroup = static_cast<std::uint64_t>(group);
  }
  const auto pid = static_cast<int>(::syscall(SYS_clone3, &how, sizeof how));
  if (pid < 0)
    return os_failure("namespaces", "clone3", "does the host allow user namespaces (user.max_user_namespaces)?");
  if (pid == 0) {
    const bool is_ahead = request_.knows != told::everything;
    const int input = terminal_ ? terminal_->slave.get() : request_.standard_input.get();
    const int output = is_ahead || terminal_ ? input : output_write_.get();
    const int error = is_ahead || terminal_ ? input : (request_.what.merge_output ? output_write_ : error_write_).get();
    live_as_init({.what = request_.what,
                  .rules = with_.rules,
                  .trees = with_.trees,
                  .plain_filter = with_.plain_filter,
                  .observing_filter = with_.observing_filter,
                  .volume_paths = request_.volume_paths,
                  .group = group_->clone_into_fd() < 0 ? group_.get() : nullptr,
                  .cgroup_lacks = {.memory = !with_.groups.limits("memory"), .pids = !with_.groups.limits("pids")},
                  .mount_point = with_.mount_point,
                  .ignored = with_.ignored_signals,
                  .clear_groups = with_.maps_many_ids,
                  .optional = with_.optional,
                  .descriptors = {.standard_input = input,
                                  .standard_output = output,
                                  .standard_error = error,
                                  .status = init_status_.get(),
                                  .terminal = terminal_ ? terminal_->instance.get() : -1},
                  .knows = request_.knows});
  }
  network.reset();
  pid_ = pid;
  init_.reset(pidfd);
  for (const auto* controller : {"memory", "pids", "cpuacct"})
    if (!sampler_ && !with_.groups.limits(controller)) sampler_.emplace(pid);
  return {};
}

result<void> running_jail::map_ids() const {
  const auto map = std::to_string(inside_id) + " " + std::to_string(*request_.uid) + " 1\n";
  LAZARET_TRY(write_proc(pid_, "uid_map", map));
  return write_proc(pid_, "gid_map", map);
}

result<void> running_jail::watch_all() {
  LAZARET_TRY(with_.loop.watch(status_.get(), [this] { hear_init(); }));
  if (request_.channel) LAZARET_TRY(with_.loop.watch(request_.channel.get(), [this] { hear_holder(); }));
  LAZARET_TRY(with_.loop.watch(init_.get(), [this] { finish(); }));
  LAZARET_TRY(with_.loop.watch(cpu_timer_.get(), [this] { check_cpu(); }));
  arm(wall_timer_.get(), set_up_patience);
  return with_.loop.watch(wall_timer_.get(), [this] {
    if (!executed_ && !failure_) failure_ = failure{"start_jail", ETIMEDOUT, "set-up", "is the host overloaded?"};
    end(ending::wall_timeout);
  });
}

void running_jail::hear_init() {
  auto got = wire::receive(status_.get());
  if (!got || got->closed()) return with_.loop.forget(status_.get());
  wire::reader from{got->bytes};
  switch (static_cast<kind>(from.number<std::uint8_t>())) {
    case kind::ready: {
      was_ready_ = true;
      mounts_.reset(::open(("/proc/" + std::to_string(pid_) + "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
      const auto present = from.number<std::uint8_t>();
      auto next = got->fds.begin();
      if ((present & protocol::has_audit) != 0 && next != got->fds.end()) audit_ = std::move(*next++);
      if ((present & protocol::has_gateway) != 0 && next != got->fds.end()) gateway_ = std::move(*next++);
      if ((present & protocol::has_names) != 0 && next != got->fds.end()) names_ = std::move(*next);
      if (!request_.channel) disarm(wall_timer_.get());  // prepared, and may wait as long as it likes
      if (with_.guarded_by != nullptr) with_.loop.later(with_.when_idle);
      return;
    }
    case kind::watched: {
      auto pipe = make_pipe();
      auto listener = take_listener(init_.get(), from.number<std::int32_t>());
      if (!pipe || !listener) return fail(pipe ? listener.error() : pipe.error());
      written_by_init_ += got->bytes.size();
      ::fcntl(pipe->second.get(), F_SETFL, O_NONBLOCK);
      ::fcntl(pipe->second.get(), F_SETPIPE_SZ, 1 << 20);  // best effort: what doesn't fit is counted as dropped
      observations_ = std::move(pipe->first);
      if (auto done = listen(std::move(*listener), std::move(pipe->second)); !done) fail(done.error());
      return;
    }
    case kind::waiting:
      if (!request_.channel) disarm(wall_timer_.get());
      return;
    case kind::executed:
      if (!observer_ && !failure_) {
        if (got->fds.empty()) return fail({"start_jail", EMFILE, "seccomp listener", "too many jails at once?"});
        if (auto done = listen(std::move(got->fds.front()), {}); !done) return fail(done.error());
      }
      note(*got);
      if (observer_ && !observer_->denied().empty()) end(ending::syscall_denied);  // was heard first
      return;
    case kind::counted:
      note(*got);
      return tell_early();
    case kind::failed:
    case kind::reaped:
      return note(*got);
    default:
      return end(ending::canceled);
  }
}

void running_jail::note(const wire::message& said) {
  wire::reader from{said.bytes};
  const auto what = static_cast<kind>(from.number<std::uint8_t>());
  if (what == kind::executed) {
    written_by_init_ += from.number<std::uint64_t>();
    if (!failure_) announce();
  } else if (what == kind::failed && !failure_) {
    protocol::read(from, failure_.emplace());
  } else if (what == kind::reaped) {
    wait_status_ = from.number<std::int32_t>();
    last_pid_ = from.number<std::uint32_t>();
  } else if (what == kind::counted) {
    written_ = from.number<std::uint64_t>();
  }
}

result<void> running_jail::listen(unique_fd listener, unique_fd sink) {
  observer_ = std::make_unique<observer>(std::move(listener), std::move(sink));
  return with_.loop.watch(observer_->fd(), [this] { hear_calls(); });
}

void running_jail::hear_calls() {
  const auto heard = observer_->handle();
  if (heard != observer::heard::something) with_.loop.forget(observer_->fd());
  // Before init has told of the exec the holder knows nothing of the jail; the caller waits (see hear_init).
  if (heard == observer::heard::deadly && executed_) end(ending::syscall_denied);
}

void running_jail::hear_holder() {
  auto got = wire::receive(request_.channel.get());
  if (!got && got.error().error == EAGAIN) return;
  if (got && !got->closed() && got->bytes.front() == static_cast<char>(kind::exceeded))
    return end(ending::output_limit);
  if (got && !got->closed() && got->bytes.front() == static_cast<char>(kind::signal)) return pass_on(*got);
  with_.loop.forget(request_.channel.get());
  end(ending::canceled);
}

/// One that init has no room for is lost: whoever sends so many has said it often enough.
void running_jail::pass_on(const wire::message& signal) {
  const auto number = protocol::decode<std::int32_t>(std::string_view{signal.bytes}.substr(1));
  if (!number || *number < 1 || *number > SIGSYS || !executed_) return;
  (void)wire::send(status_.get(), protocol::encode(kind::signal, *number));
}

void running_jail::announce() {
  executed_ = true;
  executed_at_ = clock::now();
  arm(wall_timer_.get(), request_.what.limits.wall);
  look_again(request_.what.limits.cpu);
  std::uint8_t present = 0;
  std::vector<int> fds{terminal_ ? terminal_->master.get() : output_read_.get(), error_read_.get()};
  if (audit_) present |= protocol::has_audit, fds.push_back(audit_.get());
  if (observations_) present |= protocol::has_observations, fds.push_back(observations_.get());
  if (gateway_) present |= protocol::has_gateway, fds.push_back(gateway_.get());
  if (names_) present |= protocol::has_names, fds.push_back(names_.get());
  if (was_prepared_) present |= protocol::was_prepared;
  if (!wire::send(request_.channel.get(), protocol::encode(kind::started, present), fds)) end(ending::canceled);
  if (terminal_) terminal_->master.reset();  // the slave stays: see terminal.hpp
  output_read_.reset(), error_read_.reset(), audit_.reset(), observations_.reset(), gateway_.reset(), names_.reset();
  if (with_.guarded_by == nullptr) with_.loop.later(with_.when_idle);
}

}  // namespace lazaret::sandbox
