#include "sandbox/wire.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace lazaret::sandbox::wire {
namespace {

constexpr int all_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

union control_buffer {
  cmsghdr align;
  std::array<char, CMSG_SPACE(sizeof(int) * max_fds)> bytes;
};

std::vector<unique_fd> take_fds(msghdr& header) {
  std::vector<unique_fd> fds;
  for (auto* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const auto count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

result<void> wait_for(int socket, short event, std::chrono::steady_clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd one{socket, event, 0};
    const int n = ::poll(&one, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (n > 0) return {};
    if (n == 0) return failure{"jailer", ETIMEDOUT, "wait for the jailer process", "is it stopped or overloaded?"};
    if (errno != EINTR) return os_failure("jailer", "poll");
  }
}

}  // namespace

result<std::pair<unique_fd, unique_fd>> make_channel() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return os_failure("wire", "socketpair");
  return std::pair{unique_fd{ends[0]}, unique_fd{ends[1]}};
}

result<void> send(int socket, std::string_view bytes, std::span<const int> fds) {
  if (bytes.empty() || bytes.size() > max_message || fds.size() > max_fds) return failure{"wire", EMSGSIZE, "send", {}};
  iovec data{const_cast<char*>(bytes.data()), bytes.size()};
  control_buffer control{};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control.bytes.data();
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    auto* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
  }
  for (;;) {
    if (::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {};
    if (errno != EINTR) return os_failure("wire", "sendmsg");
  }
}

result<message> receive(int socket) {
  message got;
  char buffer[max_message];  // not cleared first: a jail's init would touch each page for the first time
  iovec data{buffer, sizeof buffer};
  control_buffer control{};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = sizeof control;
  ssize_t n = -1;
  do {
    n = ::recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  // A peer that closed with unread data of ours in its queue is reported as ECONNRESET: gone all the same.
  if (n < 0 && errno != ECONNRESET) return os_failure("wire", "recvmsg");
  if (n <= 0) return got;
  got.bytes.assign(buffer, static_cast<std::size_t>(n));
  got.fds = take_fds(header);  // owned from here on, so that what we refuse is closed
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return failure{"wire", EMSGSIZE, "recvmsg", {}};
  return got;
}

result<void> send_within(int socket, std::string_view bytes, std::span<const int> fds,
                         std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    auto sent = send(socket, bytes, fds);
    if (sent || sent.error().error != EAGAIN) return sent;
    if (auto ready = wait_for(socket, POLLOUT, deadline); !ready) return ready;
  }
}

result<message> receive_within(int socket, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    if (auto ready = wait_for(socket, POLLIN, deadline); !ready) return ready.error();
    auto got = receive(socket);
    if (got || got.error().error != EAGAIN) return got;
  }
}

result<unique_fd> seal(std::string_view bytes) {
  unique_fd fd{::memfd_create("lazaret-request", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!fd) return os_failure("wire", "memfd_create");
  for (auto rest = bytes; !rest.empty();) {
    const auto n = ::write(fd.get(), rest.data(), rest.size());
    if (n < 0 && errno != EINTR) return os_failure("wire", "write memfd");
    if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, all_seals) != 0) return os_failure("wire", "F_ADD_SEALS");
  return fd;
}

result<std::string> unseal(int memfd, std::size_t limit) {
  if ((::fcntl(memfd, F_GET_SEALS) & all_seals) != all_seals)
    return failure{"wire", EINVAL, "the body is not sealed", {}};
  struct stat status {};
  if (::fstat(memfd, &status) != 0) return os_failure("wire", "fstat memfd");
  if (status.st_size < 0 || static_cast<std::size_t>(status.st_size) > limit)
    return failure{"wire", EMSGSIZE, "the body", {}};
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  for (std::size_t at = 0; at < bytes.size();) {
    const auto n = ::pread(memfd, bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
    if (n == 0 || (n < 0 && errno != EINTR)) return os_failure("wire", "pread memfd");
    if (n > 0) at += static_cast<std::size_t>(n);
  }
  return {boost::system::in_place_value, std::move(bytes)};
}

}  // namespace lazaret::sandbox::wire
