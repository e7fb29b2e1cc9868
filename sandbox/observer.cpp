#include "sandbox/observer.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>

#include "sandbox/json_text.hpp"
#include "sandbox/seccomp.hpp"
#include "sandbox/target.hpp"

namespace lazaret::sandbox {
namespace {

constexpr std::size_t line_bytes = 4096;  ///< PIPE_BUF: written whole or not at all (pipe(7))
constexpr std::size_t path_bytes = 512, words = 64, word_bytes = 256, datagrams = 8;

/// The kernel's structures may be longer than those we were compiled with (seccomp(2), SECCOMP_GET_NOTIF_SIZES).
seccomp_notif_sizes sizes() {
  seccomp_notif_sizes known{};
  if (::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &known) != 0) known = {};
  known.seccomp_notif = std::max<std::uint16_t>(known.seccomp_notif, sizeof(seccomp_notif));
  known.seccomp_notif_resp = std::max<std::uint16_t>(known.seccomp_notif_resp, sizeof(seccomp_notif_resp));
  return known;
}

constexpr std::size_t in_words(std::size_t size) { return (size + 7) / 8; }

void field(std::string& line, const char* name, std::string_view text) {
  line += std::string{",\""} + name + "\":";
  append_json(line, text);
}

void exec_details(std::string& line, const target& who, int directory, std::uint64_t path_at, std::uint64_t argv_at) {
  const auto given = who.read_string(path_at, path_bytes);
  if (!given) {
    line += ",\"unread\":true";
    return;
  }
  const std::string path = who.absolute(directory, *given);
  field(line, "path", std::string_view{path}.substr(0, path_bytes));
  line += ",\"argv\":[";
  const std::string tail = std::string{"],\"python\":"} + (who.is_python(path) ? "true" : "false");
  constexpr std::size_t reserve = 32;  // the tail and `"cut":true}`
  bool cut = given->size() == path_bytes || path.size() > path_bytes, first = true;
  const auto argv = who.read_strings(argv_at, words + 1, word_bytes);
  for (std::size_t i = 0; i < argv.size(); ++i) {
    std::string word;
    append_json(word, argv[i]);
    cut = cut || argv[i].size() == word_bytes;
    if (i == words || line.size() + word.size() + tail.size() + reserve > line_bytes) {
      cut = true;
      break;
    }
    if (!first) line += ',';
    line += word;
    first = false;
  }
  line += tail;
  if (cut) line += ",\"cut\":true";
}

void address_details(std::string& line, const sockaddr_storage& address, std::size_t size) {
  char text[INET6_ADDRSTRLEN] = {};
  const auto inet = [&](const char* family, const void* where, in_port_t port) {
    ::inet_ntop(address.ss_family, where, text, sizeof text);
    field(line, "family", family);
    field(line, "address", text);
    line += ",\"port\":" + std::to_string(ntohs(port));
  };
  if (address.ss_family == AF_INET && size >= sizeof(sockaddr_in)) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet("inet", &v4.sin_addr, v4.sin_port);
  } else if (address.ss_family == AF_INET6 && size >= offsetof(sockaddr_in6, sin6_scope_id)) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet("inet6", &v6.sin6_addr, v6.sin6_port);
  } else if (address.ss_family == AF_UNIX) {
    const char* const path = reinterpret_cast<const sockaddr_un&>(address).sun_path;
    const std::size_t start = offsetof(sockaddr_un, sun_path);
    const std::size_t length = std::min(size, sizeof(sockaddr_un)) - std::min(size, start);
    const bool is_abstract = length > 0 && path[0] == '\0';
    field(line, "family", "unix");
    field(line, "unix",
          is_abstract ? "@" + std::string{path + 1, length - 1} : std::string{path, ::strnlen(path, length)});
  } else if (address.ss_family == AF_NETLINK) {
    field(line, "family", "netlink");
  } else if (address.ss_family == AF_UNSPEC) {
    field(line, "family", "unspec");
  } else {
    field(line, "family", "#" + std::to_string(address.ss_family));
  }
}

void address_at(std::string& line, const target& who, std::uint64_t at, std::uint64_t length) {
  sockaddr_storage address{};
  const std::size_t size = who.read(at, &address, std::min<std::uint64_t>(length, sizeof address));
  if (size < sizeof address.ss_family)
    line += ",\"unread\":true";
  else
    address_details(line, address, size);
}

/// A listen names no address: the socket knows it.
void address_of(std::string& line, const target& who, int socket) {
  const unique_fd copy = who.take(socket);
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (copy && ::getsockname(copy.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0)
    address_details(line, address, size);
  else
    line += ",\"unread\":true";
}

/// What the filter would refuse by itself if nobody wanted to know of it: answered with EPERM, never let through.
bool is_refused(int call) {
  return call == SYS_ptrace || call == SYS_process_vm_readv || call == SYS_process_vm_writev;
}

/// The lines that a call is worth: none for a message without an address, several for sendmmsg.
std::vector<std::string> describe(const seccomp_data& call, const target& who, const std::string& start) {
  const auto line = [&](const char* event) { return start + "\"" + event + "\""; };
  std::vector<std::string> lines;
  switch (call.nr) {
    case SYS_execve:
      lines.push_back(line("exec"));
      exec_details(lines.back(), who, AT_FDCWD, call.args[0], call.args[1]);
      break;
    case SYS_execveat:
      lines.push_back(line("exec"));
      exec_details(lines.back(), who, static_cast<int>(call.args[0]), call.args[1], call.args[2]);
      break;
    case SYS_connect:
    case SYS_bind:
      lines.push_back(line(call.nr == SYS_bind ? "bind" : "connect"));
      address_at(lines.back(), who, call.args[1], call.args[2] & 0xffffffffU);
      break;
    case SYS_listen:
      lines.push_back(line("listen"));
      address_of(lines.back(), who, static_cast<int>(call.args[0]));
      break;
    case SYS_sendto:
      lines.push_back(line("sendto"));
      address_at(lines.back(), who, call.args[4], call.args[5] & 0xffffffffU);
      break;
    case SYS_sendmsg:
    case SYS_sendmmsg: {
      const std::size_t count =
          call.nr == SYS_sendmsg ? 1 : std::min<std::uint64_t>(call.args[2] & 0xffffffffU, datagrams);
      for (std::size_t i = 0; i < count; ++i) {
        const auto message = who.read<msghdr>(call.args[1] + i * sizeof(mmsghdr));
        if (!message || message->msg_name == nullptr || message->msg_namelen == 0) continue;
        lines.push_back(line("sendto"));
        address_at(lines.back(), who, reinterpret_cast<std::uint64_t>(message->msg_name), message->msg_namelen);
      }
      break;
    }
    case SYS_memfd_create:
      lines.push_back(line("memfd"));
      if (const auto name = who.read_string(call.args[0], path_bytes)) field(lines.back(), "path", *name);
      break;
    case SYS_ptrace:
      lines.push_back(line("ptrace"));
      break;
    case SYS_process_vm_readv:
    case SYS_process_vm_writev:
      lines.push_back(line(call.nr == SYS_process_vm_readv ? "process_vm_readv" : "process_vm_writev"));
      break;
    default:
      lines.push_back(line("syscall") + ",\"number\":" + std::to_string(call.nr));
  }
  return lines;
}

}  // namespace

observer::observer(unique_fd listener, unique_fd sink)
    : listener_{std::move(listener)}, sink_{std::move(sink)}, started_{std::chrono::steady_clock::now()} {
  if (sink_) ::fcntl(sink_.get(), F_SETFL, ::fcntl(sink_.get(), F_GETFL) | O_NONBLOCK);
  static const seccomp_notif_sizes needed = sizes();
  request_.resize(in_words(needed.seccomp_notif));
  response_.resize(in_words(needed.seccomp_notif_resp));
}

observer::heard observer::handle() {
  pollfd ready{listener_.get(), POLLIN, 0};
  if (::poll(&ready, 1, 0) < 0) return heard::something;
  if ((ready.revents & POLLIN) == 0)
    return (ready.revents & (POLLHUP | POLLERR | POLLNVAL)) == 0 ? heard::something : heard::last;

  std::fill(request_.begin(), request_.end(), 0);  // the kernel insists
  if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, request_.data()) != 0)
    return heard::something;  // it was killed meanwhile
  const auto& request = *reinterpret_cast<const seccomp_notif*>(request_.data());
  ++seen_;

  const target who{static_cast<pid_t>(request.pid)};
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - started_;
  char start[80];
  std::snprintf(start, sizeof start, "{\"t\":%.6f,\"pid\":%d,\"event\":", since.count(), who.pid_inside());
  const bool deadly = is_deadly(request.data.arch, request.data.nr);
  std::vector<std::string> lines;
  if (deadly) {
    auto name = syscall_name(request.data.arch, request.data.nr);
    lines.push_back(std::string{start} + "\"denied\"");
    field(lines.back(), "syscall", name);
    if (denied_.empty()) denied_ = std::move(name);
  } else {
    lines = describe(request.data, who, start);
  }
  // Still waiting: then what was read was its memory, and not that of a later process with the same pid.
  std::uint64_t id = request.id;
  if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) != 0 && !deadly) return heard::something;
  for (const std::string& line : lines)
    if (sink_) (void)write_line(line);
  if (deadly) return heard::deadly;

  std::fill(response_.begin(), response_.end(), 0);
  auto& response = *reinterpret_cast<seccomp_notif_resp*>(response_.data());
  response.id = id;
  if (is_refused(request.data.nr))
    response.error = -EPERM;
  else
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &response);  // fails only when the caller died
  return heard::something;
}

void observer::finish() {
  if (sink_) {
    std::string end = "{\"event\":\"end\",\"seen\":" + std::to_string(seen_);
    end += ",\"dropped\":" + std::to_string(dropped_);
    // In a full pipe there is always room for one more line after making it larger (up to /proc/sys/fs/pipe-max-size).
    if (!write_line(end)) {
      ::fcntl(sink_.get(), F_SETPIPE_SZ, ::fcntl(sink_.get(), F_GETPIPE_SZ) * 2);
      (void)write_line(end);
    }
  }
  sink_.reset();
  listener_.reset();
}

bool observer::write_line(const std::string& line) {
  const std::string whole = line + "}\n";
  const bool fits = whole.size() <= line_bytes;
  if (fits && ::write(sink_.get(), whole.data(), whole.size()) == static_cast<ssize_t>(whole.size())) return true;
  ++dropped_;
  return false;
}

}  // namespace lazaret::sandbox
