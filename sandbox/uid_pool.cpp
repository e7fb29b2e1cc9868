#include "sandbox/uid_pool.hpp"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "sandbox/proc_text.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {
namespace {

/// Empty with EADDRINUSE when somebody has it. The kernel frees the name when the socket closes, however its owner
/// ends.
unique_fd claim(std::int64_t uid) {
  unique_fd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!socket) return {};
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const auto text = "lazaret-uid-" + std::to_string(uid);
  std::memcpy(name.sun_path + 1, text.data(), text.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), length) != 0) return {};
  return socket;
}

struct held_uid {
  std::uint32_t uid;
  unique_fd claim;
};

/// A line of uid_map or gid_map (user_namespaces(7)).
struct extent {
  std::uint64_t inside = 0, outside = 0, count = 0;
  [[nodiscard]] bool has(std::uint64_t first, std::uint64_t many) const {
    return first >= inside && first + many <= inside + count;
  }
};

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::vector<extent> read_map(const char* path) {
  std::vector<extent> all;
  const auto text = read_text(path);
  for (const auto line : words(text, '\n')) {
    const auto numbers = words(line);
    if (numbers.size() == 3) all.push_back({number(numbers[0]), number(numbers[1]), number(numbers[2])});
  }
  return all;
}

}  // namespace

uid_pool::uid_pool(options o) : what_{o}, next_{0} {
  std::uint32_t dice = 0;
  if (::getrandom(&dice, sizeof dice, GRND_NONBLOCK) == sizeof dice) next_ = dice % std::max(what_.count, 1U);
}

result<uid_pool::lease> uid_pool::take() {
  if (what_.single) return std::make_shared<const std::uint32_t>(what_.base);
  for (std::uint32_t tried = 0; tried < what_.count; ++tried) {
    const auto uid = what_.base + next_;
    next_ = (next_ + 1) % what_.count;
    auto claimed = claim(what_.outside + uid);
    if (!claimed && errno == EADDRINUSE) continue;
    if (!claimed) return os_failure("uid", "claim " + std::to_string(uid));
    const auto held = std::make_shared<const held_uid>(uid, std::move(claimed));
    return lease{held, &held->uid};
  }
  return failure{"uid", EAGAIN, std::to_string(what_.count) + " uids", "all are in use on this machine"};
}

result<uid_pool::options> choose_uids(std::uint32_t wanted) {
  const auto uids = read_map("/proc/self/uid_map"), gids = read_map("/proc/self/gid_map");
  if (uids.empty() || gids.empty()) return failure{"uid", 0, "read /proc/self/uid_map", "is /proc mounted?"};
  const auto settle = [&](const extent& from, std::uint64_t first, std::uint64_t many) {
    return uid_pool::options{
        .base = static_cast<std::uint32_t>(first),
        .count = static_cast<std::uint32_t>(many),
        .outside = static_cast<std::int64_t>(from.outside) - static_cast<std::int64_t>(from.inside)};
  };
  const auto mapped_as_group = [&](std::uint64_t first, std::uint64_t many) {
    return std::ranges::any_of(gids, [&](const extent& e) { return e.has(first, many); });
  };
  constexpr auto many = uid_pool::options{}.count;
  for (const auto& e : uids)
    if (e.has(wanted, many) && mapped_as_group(wanted, many)) return settle(e, wanted, many);

  // A container, or our own namespace (own_namespace.hpp). Where 0 is mapped with the rest, others may live in the
  // lower half, and 65534 is nobody.
  const auto& largest = *std::ranges::max_element(uids, {}, &extent::count);
  const bool shared = largest.inside == 0;
  const auto first = shared ? largest.count / 2 : largest.inside;
  const auto count = std::min<std::uint64_t>(shared ? largest.count / 4 : largest.count, many);
  if (count > 1 && mapped_as_group(first, count)) return settle(largest, first, count);
  return uid_pool::options{.base = 0, .count = 1, .single = true};
}

}  // namespace lazaret::sandbox
