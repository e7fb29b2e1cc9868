// The jailer's volumes, and who handles their files.
#include <fcntl.h>
#include <sys/wait.h>

#include "sandbox/jailer_process.hpp"
#include "sandbox/steward.hpp"
#include "sandbox/try.hpp"

namespace lazaret::sandbox {
namespace {

using protocol::kind;

// Far above what a host can use at once, low enough that a service gone mad can't use up the kernel.
constexpr std::size_t max_volumes = 1024;
constexpr std::size_t max_stewards = 128;

}  // namespace

result<std::uint64_t> jailer_process::make_volume(const volume_options& options) {
  if (workspace_.size() >= max_volumes) return failure{"make_volume", EMFILE, "volumes", "too many at once"};
  auto uid = uids_.take();
  if (!uid) return uid.error();
  return workspace_.make_volume(options, std::move(*uid));
}

result<void> jailer_process::give_volume(wire::message& request, unique_fd& channel) {
  wire::reader from{std::string_view{request.bytes}.substr(1)};
  volume_options options;
  protocol::read(from, options);
  const auto meant_for = from.number<std::uint64_t>();
  if (!from.complete()) return failure{"make_volume", EPROTO, "request", {}};
  const auto waiting = stock_.hand_out(meant_for, options);
  const auto id = waiting ? result<std::uint64_t>{*waiting} : make_volume(options);
  if (!id) return id.error();
  auto done = hand_over(*id, channel);
  if (!done) drop_volume(*id);
  return done;
}

/// To whoever asked on this channel, until it closes.
result<void> jailer_process::hand_over(std::uint64_t id, unique_fd& channel) {
  const auto root = workspace_.open(id);
  if (!root) return root.error();
  const int lease = channel.get(), directory = root->get();
  LAZARET_TRY(wire::send(lease, protocol::encode(kind::volume_made, id), {&directory, 1}));
  LAZARET_TRY(loop_.watch(lease, [this, lease, id] {  // whatever is said on it, or its end, ends it
    loop_.forget(lease);
    loop_.later([this, lease, id] {
      leases_.erase(lease);
      drop_volume(id);
    });
  }));
  leases_[lease] = std::move(channel);
  return {};
}

void jailer_process::drop_volume(std::uint64_t id) {
  stock_.forget_volume(id);
  workspace_.drop(id);
  clear_expired();
}

result<void> jailer_process::send_steward(wire::message& request, unique_fd& channel) {
  if (stewards_.size() >= max_stewards) return failure{"steward", EAGAIN, "stewards", "too many at once"};
  const auto id = protocol::decode<std::uint64_t>(std::string_view{request.bytes}.substr(1));
  if (!id) return id.error();
  if (request.fds.size() != 1) return failure{"steward", EPROTO, "request", {}};
  const auto root = workspace_.open(*id);
  if (!root) return root.error();
  const auto* volume = workspace_.find(*id);
  const auto owner = volume->owner;
  const auto what = static_cast<kind>(request.bytes.front());
  const steward_duty duty{.uid = *owner,
                          .changes_uid = privileged_,
                          .root = root->get(),
                          .channel = channel.get(),
                          .body = request.fds.front().get(),
                          .work = what == kind::deposit  ? do_deposit
                                  : what == kind::gather ? do_gather
                                                         : do_hand_out};
  if (what == kind::deposit && !volume->used)
    if (auto done = deposit_at_once(duty)) return std::move(*done);
  auto started = start_steward(duty);
  if (!started) return started.error();
  const int pidfd = started->get();
  stewards_[pidfd] = std::move(*started);
  return loop_.watch(pidfd, [this, pidfd, owner] {  // its uid is nobody else's while it lives
    loop_.forget(pidfd);
    siginfo_t ignored{};
    ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &ignored, WEXITED);
    loop_.later([this, pidfd] { stewards_.erase(pidfd); });
  });
}

}  // namespace lazaret::sandbox
