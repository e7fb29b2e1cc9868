#include "sandbox/steward.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <exception>

#include "sandbox/deposit.hpp"
#include "sandbox/gather.hpp"
#include "sandbox/hand_out.hpp"
#include "sandbox/layers/capabilities.hpp"
#include "sandbox/layers/no_new_privs.hpp"
#include "sandbox/protocol.hpp"
#include "sandbox/try.hpp"

namespace lazaret::sandbox {
namespace {

using protocol::kind;

constexpr int root_fd = 3, channel_fd = 4, body_fd = 5;
constexpr unsigned patience = 30;  // seconds, of alarm(2)
constexpr std::chrono::seconds holder_patience{10};

result<void> keep_only(const steward_duty& duty) {
  // Out of the way first: each may lie where another has to go.
  constexpr int above = 10;
  const int root = ::fcntl(duty.root, F_DUPFD, above), channel = ::fcntl(duty.channel, F_DUPFD, above),
            body = ::fcntl(duty.body, F_DUPFD, above);
  if (::dup2(root, root_fd) < 0 || ::dup2(channel, channel_fd) < 0 || ::dup2(body, body_fd) < 0)
    return os_failure("steward", "dup2");
  if (::syscall(SYS_close_range, body_fd + 1, ~0U, 0) != 0) return os_failure("steward", "close_range");
  return {};
}

result<void> become_owner(const steward_duty& duty) {
  ::prctl(PR_SET_NAME, "steward", 0, 0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  ::alarm(patience);
  LAZARET_TRY(keep_only(duty));
  // Raw calls: glibc's wrappers wait for the jailer's other thread, which this copy of it does not have.
  if (duty.changes_uid) {
    if (::syscall(SYS_setgroups, 0, nullptr) != 0) return os_failure("steward", "setgroups");
    if (::syscall(SYS_setresgid, duty.uid, duty.uid, duty.uid) != 0) return os_failure("steward", "setresgid");
  }
  // The uid last, and with it the capabilities; those of the bounding set need one to be dropped.
  if (duty.changes_uid && ::syscall(SYS_setresuid, duty.uid, duty.uid, duty.uid) != 0)
    return os_failure("steward", "setresuid");
  if (!duty.changes_uid) LAZARET_TRY(drop_capabilities());
  LAZARET_TRY(forbid_new_privileges());
  // A change of uid makes a process unreadable for itself (proc(5), /proc/pid/fd), which gather() needs.
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  return {};
}

/// What a few microseconds are enough for. Each slash is a directory that may have to be made, and be walked through.
constexpr off_t small_body = 64 << 10;
constexpr std::size_t few_files = 16;
constexpr std::ptrdiff_t few_slashes = 64;

bool is_small(const std::vector<volume_file>& files) {
  std::ptrdiff_t slashes = 0;
  for (const auto& file : files) slashes += std::ranges::count(file.path, '/');
  return files.size() <= few_files && slashes <= few_slashes;
}

void tell(int channel, const failure& why) {
  (void)wire::send_within(channel, protocol::encode(kind::failed, why), {}, holder_patience);
}

}  // namespace

result<unique_fd> start_steward(const steward_duty& duty) {
  int pidfd = -1;
  clone_args how{};
  how.flags = CLONE_PIDFD;
  how.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  how.exit_signal = SIGCHLD;
  const auto pid = ::syscall(SYS_clone3, &how, sizeof how);
  if (pid < 0) return os_failure("steward", "clone3");
  if (pid > 0) return unique_fd{pidfd};
  try {
    if (auto ready = become_owner(duty); ready)
      duty.work(root_fd, channel_fd, body_fd);
    else
      tell(duty.channel, ready.error());
  } catch (const std::exception&) {
    ::_exit(1);
  }
  ::_exit(0);
}

std::optional<result<void>> deposit_at_once(const steward_duty& duty) {
  struct stat body {};
  if (::fstat(duty.body, &body) != 0 || body.st_size > small_body) return std::nullopt;
  const auto bytes = wire::unseal(duty.body, small_body);
  if (!bytes) return bytes.error();
  const auto files = protocol::decode<std::vector<volume_file>>(*bytes);
  if (!files) return files.error();
  if (!is_small(*files)) return std::nullopt;
  const auto known = deposit(duty.root, *files, duty.changes_uid ? std::optional{duty.uid} : std::nullopt);
  if (!known) return known.error();
  const auto answer = wire::seal(protocol::encode(kind::deposited, *known));
  if (!answer) return answer.error();
  const int fd = answer->get();
  return wire::send(duty.channel, protocol::encode(kind::deposited), {&fd, 1});
}

void do_deposit(int root, int channel, int body) {
  auto bytes = wire::unseal(body, protocol::max_files_body);
  if (!bytes) return tell(channel, bytes.error());
  auto files = protocol::decode<std::vector<volume_file>>(*bytes);
  bytes->clear(), bytes->shrink_to_fit();
  if (!files) return tell(channel, files.error());
  const auto known = deposit(root, *files);
  if (!known) return tell(channel, known.error());
  const auto answer = wire::seal(protocol::encode(kind::deposited, *known));
  if (!answer) return tell(channel, answer.error());
  const int fd = answer->get();
  (void)wire::send_within(channel, protocol::encode(kind::deposited), {&fd, 1}, holder_patience);
}

void do_gather(int root, int channel, int body) {
  const auto bytes = wire::unseal(body, protocol::max_files_body);
  if (!bytes) return tell(channel, bytes.error());
  const auto options = protocol::decode<gather_options>(*bytes);
  if (!options) return tell(channel, options.error());
  const auto found = gather(root, *options);
  if (!found) return tell(channel, found.error());
  const auto answer = wire::seal(protocol::encode(kind::gathered, *found));
  if (!answer) return tell(channel, answer.error());
  const int fd = answer->get();
  (void)wire::send_within(channel, protocol::encode(kind::gathered), {&fd, 1}, holder_patience);
}

void do_hand_out(int root, int channel, int body) {
  const auto after = wire::unseal(body, protocol::max_files_body);
  if (!after) return tell(channel, after.error());
  const auto found = hand_out(root, *after);
  if (!found) return tell(channel, found.error());
  std::vector<int> fds;
  for (const auto& fd : found->opened) fds.push_back(fd.get());
  (void)wire::send_within(channel, protocol::encode(kind::handed_out, *found), fds, holder_patience);
}

}  // namespace lazaret::sandbox
