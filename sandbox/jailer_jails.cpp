// The jailer's jails: asked for, prepared ahead, started.
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "sandbox/jailer_process.hpp"
#include "sandbox/timer.hpp"
#include "sandbox/try.hpp"

namespace lazaret::sandbox {
namespace {

// Far above what a host can run at once, low enough that a service gone mad can't use up the kernel.
constexpr std::size_t max_jails = 512;
constexpr std::size_t max_preparing = max_jails / 2;  // of all that there are then: those asked for go before

/// What `true` takes in a jail, and a bit.
constexpr std::chrono::microseconds preparation_delay{1500};

/// Not where Landlock must know the standard input, nor where a path of the host is mounted for one uid.
bool may_be_prepared(const jail_request& request) {
  struct stat input {};
  const bool is_known = ::fstat(request.standard_input.get(), &input) == 0 &&
                        (S_ISFIFO(input.st_mode) || (S_ISCHR(input.st_mode) && input.st_rdev == makedev(1, 3)));
  return is_known && request.what.terminal.rows == 0 && std::ranges::none_of(request.what.binds, &bind_mount::writable);
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

}  // namespace

/// Where each source is to be taken from, while the host is in sight.
result<void> jailer_process::place_binds(policy& what, std::uint32_t uid) {
  for (auto& overlay : what.overlays)
    for (auto& lower : overlay.lower) lower = rules_.where(lower);
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

/// The volumes that a jail is to have, and with them the uid that it gets.
result<jailer_process::rented> jailer_process::rent(const std::vector<std::uint64_t>& ids, jail_request& by) {
  rented all;
  for (const auto id : ids) {
    auto* volume = workspace_.find(id);
    if (volume == nullptr)
      return failure{"start_jail", ENOENT, "volume " + std::to_string(id), "was its jailer restarted?"};
    all.fresh = all.fresh && !std::exchange(volume->used, true);
    all.options.push_back(volume->options);
    by.volume_paths.push_back(volume->path);
    if (!by.uid) by.uid = volume->owner;
  }
  if (by.uid) return all;
  auto uid = uids_.take();
  if (!uid) return uid.error();
  by.uid = std::move(*uid);
  return all;
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
  const bool has_input = (present & protocol::has_stdin) != 0;
  return start_jail(std::move(*wanted), has_input ? std::move(request.fds.front()) : unique_fd{}, channel);
}

result<void> jailer_process::start_jail(protocol::start_request wanted, unique_fd given_input, unique_fd& channel) {
  LAZARET_TRY(validate(wanted.what, wanted.volumes.size()));
  if (wanted.what.terminal.rows != 0 && given_input)
    return failure{"start_jail", EINVAL, "standard input", "the terminal is it"};

  auto input = check_standard_input(std::move(given_input));
  if (!input) return input.error();
  jail_request accepted;
  const auto volumes = rent(wanted.volumes, accepted);
  if (!volumes) return volumes.error();
  const auto key = stock_.keeps_any() ? protocol::kind_of(wanted.what) : std::string{};  // as its asker sees it
  LAZARET_TRY(place_binds(wanted.what, *accepted.uid));
  accepted.standard_input = std::move(*input);
  accepted.what = std::move(wanted.what);
  accepted.channel = std::move(channel);
  if (volumes->fresh && may_be_prepared(accepted) && use_waiting(key, *volumes, wanted.volumes, accepted)) return {};
  if (use_shell(accepted)) return {};
  for (const auto id : wanted.volumes) stock_.forget_volume(id);
  return make_jail(std::move(accepted));
}

result<void> jailer_process::begin(policy what, unique_fd standard_input, unique_fd channel) {
  if (refusal_) return *refusal_;
  return start_jail({std::move(what), {}}, std::move(standard_input), channel);
}

void jailer_process::do_without_private_inodes(const failure& why) {
  trees_.give_up(why.describe());
  if (auto met = check_required(facts(), require_); !met) refusal_ = met.error();
}

/// A jail that is needed again and again is prepared before it is needed: namespaces, cgroup, root and all, which is
/// half of the time that one takes. Each is used once. False: none of this kind waits.
bool jailer_process::use_waiting(const std::string& key, const rented& volumes, const std::vector<std::uint64_t>& ids,
                                 jail_request& accepted) {
  for (;;) {
    const auto waiting = stock_.take(key, {accepted.what, volumes.options}, ids);
    if (!waiting) return false;
    const auto jail = jails_.find(*waiting);
    if (jail == jails_.end()) continue;
    if (jail->second->take_on(accepted)) return true;
    jails_.erase(jail);
  }
}

/// None of its kind waits; perhaps one that is of no kind yet. False: none that can become what is asked for.
bool jailer_process::use_shell(jail_request& accepted) {
  const bool is_possible = !shells_.empty() && fits(common_, accepted.what) &&
                           finds_all_alone(common_, accepted.what) && (*groups_)->may_limit_later(accepted.what.limits);
  if (!is_possible) return false;
  const auto jail = jails_.find(shells_.front());
  shells_.erase(shells_.begin());
  if (jail == jails_.end()) return false;
  if (jail->second->take_on(accepted)) return true;
  jails_.erase(jail);
  return false;
}

bool jailer_process::lacks_shells() const {
  return shells_.size() < most_shells_ && jails_.size() < max_preparing && !refusal_ && trees_.available();
}

result<void> jailer_process::make_shell() {
  jail_request request;
  auto input = check_standard_input({});
  if (!input) return input.error();
  if (const auto taken = rent({}, request); !taken) return taken.error();
  request.what = common_;
  request.standard_input = std::move(*input);
  request.knows = told::nothing;
  LAZARET_TRY(make_jail(std::move(request)));
  shells_.push_back(last_jail_);
  return {};
}

/// A program has just been started. If it is a short one, whoever waits for it is told first; but not at the price of
/// the next one's finding nothing prepared.
void jailer_process::prepare_soon() {
  if (stock_.has_run_out()) return prepare();
  arm(preparation_.get(), preparation_delay);
}

/// One at a time: the jailer looks after its jails between two.
void jailer_process::prepare() {
  clear_expired();
  const auto* like = stock_.missing();
  if (like == nullptr && lacks_shells() && make_shell()) return loop_.later([this] { prepare(); });
  if (like == nullptr || jails_.size() >= max_preparing) return keep_spare_group();
  stock::waiting made;
  const auto done = prepare(*like, made.volumes);
  if (done) made.jail = last_jail_;
  if (done) stock_.add(std::move(made));
  if (done) return loop_.later([this] { prepare(); });  // at the next event, if only that this one is ready
  for (const auto id : made.volumes) workspace_.drop(id);
}

/// The only jail has all it needs of the host. What is not needed any more goes now, since whoever waits for this
/// process's end has to wait for that, too. An unprivileged one can't leave its mounts.
void jailer_process::leave_workspace() {
  unique_fd own{::open(own_mounts, O_RDONLY | O_CLOEXEC)};
  if (::setns(host_mounts_.get(), CLONE_NEWNS) == 0) undertaker_.bury(std::move(own));
}

/// Not one for what will make no second jail.
void jailer_process::keep_spare_group() {
  if (groups_ && !guardian_) (*groups_)->prepare();
}

result<void> jailer_process::prepare(const stock::pattern& like, std::vector<std::uint64_t>& volumes) {
  auto input = check_standard_input({});
  if (!input) return input.error();
  for (const auto& options : like.volumes) {
    const auto id = make_volume(options);
    if (!id) return id.error();
    volumes.push_back(*id);
  }
  jail_request request;
  if (const auto taken = rent(volumes, request); !taken) return taken.error();
  for (const auto id : volumes) workspace_.find(id)->used = false;  // by the jail that will be asked for
  request.what = like.what;
  request.standard_input = std::move(*input);
  request.knows = told::all_but_the_program;
  return make_jail(std::move(request));
}

/// Jails that nobody will ask for, and their volumes that nobody has.
void jailer_process::clear_expired() {
  for (const auto& old : stock_.expired()) {
    jails_.erase(old.jail);
    for (auto at = old.handed_out; at < old.volumes.size(); ++at) workspace_.drop(old.volumes[at]);
  }
}

result<void> jailer_process::make_jail(jail_request accepted) {
  const auto number = ++last_jail_;
  auto jail = std::make_unique<running_jail>(
      jail_resources{loop_, **groups_, rules_, trees_, *plain_filter_, *observing_filter_, workspace_.mount_point(),
                     optional_, undertaker_, spare_networks_, when_idle_, ignored_, guardian_.get(), privileged_},
      "jail-" + std::to_string(number), std::move(accepted), [this, number] {
        loop_.later([this, number] {
          stock_.forget(number);
          std::erase(shells_, number);
          jails_.erase(number);  // its empty cgroup: nobody needs to wait for that
          clear_expired();
        });
      });
  LAZARET_TRY(jail->start());
  jails_.emplace(number, std::move(jail));
  return {};
}

}  // namespace lazaret::sandbox
