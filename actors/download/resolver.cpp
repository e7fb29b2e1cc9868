#include "actors/download/resolver.hpp"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>

#include "sandbox/unique_fd.hpp"

namespace lazaret::download {
namespace {

using clock = std::chrono::steady_clock;
using packet = std::vector<unsigned char>;
using sandbox::unique_fd;

struct server {
  sockaddr_storage address{};
  socklen_t size = 0;
};

bool literal_address(const std::string& host) {
  std::array<unsigned char, 16> raw{};
  return ::inet_pton(AF_INET, host.c_str(), raw.data()) == 1 || ::inet_pton(AF_INET6, host.c_str(), raw.data()) == 1 ||
         host.starts_with('[');
}

std::optional<server> parse_server(std::string_view text) {
  std::uint16_t port = 53;
  std::string host{text};
  const auto colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  if (colon != text.npos && (bracketed ? text[colon - 1] == ']' : text.find(':') == colon)) {
    const auto digits = text.substr(colon + 1);
    if (std::from_chars(digits.data(), digits.data() + digits.size(), port).ec != std::errc{}) return std::nullopt;
    host = text.substr(0, colon);
  }
  if (bracketed && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  server s;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&s.address);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&s.address);
  if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    s.size = sizeof *v4;
  } else if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    s.size = sizeof *v6;
  } else {
    return std::nullopt;
  }
  return s;
}

/// Waits for `events` in slices, so that a cancellation is heard within 50 ms.
bool ready(int fd, short events, clock::time_point deadline, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
    if (left <= 0) return false;
    pollfd p{fd, events, 0};
    if (::poll(&p, 1, static_cast<int>(std::min<std::int64_t>(left, 50))) > 0) return true;
  }
  return false;
}

/// Same id, a response, and the same question: anything else is a stray or forged datagram.
bool answers(const packet& question, const packet& reply) {
  if (reply.size() < question.size() || question.size() < NS_HFIXEDSZ) return false;
  if (reply[0] != question[0] || reply[1] != question[1] || (reply[2] & 0x80) == 0) return false;
  return std::equal(question.begin() + NS_HFIXEDSZ, question.end(), reply.begin() + NS_HFIXEDSZ,
                    [](unsigned char a, unsigned char b) { return (a | 0x20) == (b | 0x20) || a == b; });
}

std::optional<packet> ask_by_tcp(const server& to, const packet& question, clock::time_point deadline,
                                 const std::stop_token& stop) {
  unique_fd fd{::socket(to.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) return std::nullopt;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.address), to.size) != 0 && errno != EINPROGRESS)
    return std::nullopt;
  packet framed{static_cast<unsigned char>(question.size() >> 8), static_cast<unsigned char>(question.size() & 255)};
  framed.insert(framed.end(), question.begin(), question.end());
  if (!ready(fd.get(), POLLOUT, deadline, stop) ||
      ::send(fd.get(), framed.data(), framed.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(framed.size()))
    return std::nullopt;
  packet got;
  std::array<unsigned char, 4096> block{};
  for (;;) {
    if (got.size() >= 2) {
      const std::size_t length = static_cast<std::size_t>(got[0] << 8) + got[1];
      if (got.size() >= length + 2) {
        packet reply(got.begin() + 2, got.begin() + 2 + static_cast<std::ptrdiff_t>(length));
        return answers(question, reply) ? std::optional{reply} : std::nullopt;
      }
    }
    if (!ready(fd.get(), POLLIN, deadline, stop)) return std::nullopt;
    const auto n = ::recv(fd.get(), block.data(), block.size(), 0);
    if (n <= 0) return std::nullopt;
    got.insert(got.end(), block.begin(), block.begin() + n);
  }
}

std::optional<packet> ask(const server& to, const packet& question, std::chrono::milliseconds patience,
                          const std::stop_token& stop) {
  const auto deadline = clock::now() + patience;
  unique_fd fd{::socket(to.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  // connect(2): the kernel then drops datagrams of any other sender.
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.address), to.size) != 0 ||
      ::send(fd.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0)
    return std::nullopt;
  while (ready(fd.get(), POLLIN, deadline, stop)) {
    packet reply(4096);
    const auto n = ::recv(fd.get(), reply.data(), reply.size(), 0);
    if (n < 0) return std::nullopt;  // e.g. ECONNREFUSED: nobody listens there
    reply.resize(static_cast<std::size_t>(n));
    if (!answers(question, reply)) continue;
    const bool cut = (reply[2] & 0x02) != 0;
    return cut ? ask_by_tcp(to, question, deadline, stop) : std::optional{reply};
  }
  return std::nullopt;
}

std::optional<packet> build_question(const std::string& host, int type) {
  // res_nmkquery wants a state only for its flags; ours has none of the host's configuration.
  struct __res_state state {};
  state.options = RES_RECURSE;
  packet question(512);
  const int size = ::res_nmkquery(&state, ns_o_query, host.c_str(), ns_c_in, type, nullptr, 0, nullptr, question.data(),
                                  static_cast<int>(question.size()));
  if (size < NS_HFIXEDSZ) return std::nullopt;
  question.resize(static_cast<std::size_t>(size));
  std::array<unsigned char, 2> id{};
  if (::getrandom(id.data(), id.size(), 0) != 2) return std::nullopt;
  std::copy(id.begin(), id.end(), question.begin());
  question[2] |= 0x01;  // RD, whatever the state's flags made of it
  return question;
}

/// The addresses in a reply; the recursive resolver has put the end of a CNAME chain into the same section.
std::vector<std::string> addresses_in(const packet& reply, ns_type type, std::chrono::seconds& ttl) {
  std::vector<std::string> found;
  ns_msg message{};
  if (::ns_initparse(reply.data(), static_cast<int>(reply.size()), &message) != 0) return found;
  for (int i = 0; i < ns_msg_count(message, ns_s_an) && found.size() < 16; ++i) {
    ns_rr record{};
    if (::ns_parserr(&message, ns_s_an, i, &record) != 0) break;
    const bool v6 = type == ns_t_aaaa;
    if (ns_rr_type(record) != type || ns_rr_rdlen(record) != (v6 ? 16 : 4)) continue;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (::inet_ntop(v6 ? AF_INET6 : AF_INET, ns_rr_rdata(record), text.data(), text.size()) == nullptr) continue;
    found.emplace_back(text.data());
    ttl = std::min(ttl, std::chrono::seconds{ns_rr_ttl(record)});
  }
  return found;
}

}  // namespace

resolver::resolver(resolver_options options) : options_{std::move(options)} {
  if (options_.servers.size() > 8) options_.servers.resize(8);
}

std::vector<std::string> resolver::addresses_of(const std::string& host, std::stop_token stop) {
  if (options_.servers.empty() || literal_address(host) || host == "localhost" || host.ends_with(".localhost") ||
      host.find('.') == host.npos || host.size() > 253)
    return {};
  {
    const std::scoped_lock lock{mutex_};
    if (const auto it = known_.find(host); it != known_.end() && it->second.until > clock::now())
      return it->second.addresses;
  }
  std::vector<std::string> found;
  std::chrono::seconds ttl{60};
  for (const auto& text : options_.servers) {
    const auto to = parse_server(text);
    if (!to || stop.stop_requested()) continue;
    bool heard = true;
    for (const auto type : {ns_t_a, ns_t_aaaa}) {
      const auto question = heard ? build_question(host, type) : std::nullopt;
      const auto reply = question ? ask(*to, *question, options_.patience, stop) : std::nullopt;
      heard = reply.has_value();  // a server that let the first question time out is not asked the second
      if (!reply) continue;
      auto more = addresses_in(*reply, type, ttl);
      found.insert(found.end(), more.begin(), more.end());
    }
    if (!found.empty()) break;
  }
  if (!found.empty()) {
    const std::scoped_lock lock{mutex_};
    if (known_.size() >= 256) known_.clear();
    known_[host] = {found, clock::now() + std::max(ttl, std::chrono::seconds{1})};
  }
  return found;
}

bool is_private_address(std::string_view literal) noexcept {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (literal.size() >= text.size()) return true;
  std::copy(literal.begin(), literal.end(), text.begin());
  struct range {
    std::uint32_t base;
    int bits;
  };
  // https://www.iana.org/assignments/iana-ipv4-special-registry
  constexpr std::array<range, 16> special{{{0x00000000, 8},
                                           {0x0A000000, 8},
                                           {0x64400000, 10},
                                           {0x7F000000, 8},
                                           {0xA9FE0000, 16},
                                           {0xAC100000, 12},
                                           {0xC0000000, 24},
                                           {0xC0000200, 24},
                                           {0xC0586300, 24},
                                           {0xC0A80000, 16},
                                           {0xC6120000, 15},
                                           {0xC6336400, 24},
                                           {0xCB007100, 24},
                                           {0xE0000000, 4},
                                           {0xF0000000, 4},
                                           {0xFFFFFFFF, 32}}};
  const auto private_v4 = [&](std::uint32_t address) {
    return std::any_of(special.begin(), special.end(),
                       [&](range r) { return (address >> (32 - r.bits)) == (r.base >> (32 - r.bits)); });
  };
  in_addr v4{};
  if (::inet_pton(AF_INET, text.data(), &v4) == 1) return private_v4(ntohl(v4.s_addr));
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.data(), &v6) != 1) return true;
  const auto* b = v6.s6_addr;
  const auto embedded = [&](int at) {
    return private_v4(std::uint32_t{b[at]} << 24 | std::uint32_t{b[at + 1]} << 16 | std::uint32_t{b[at + 2]} << 8 |
                      b[at + 3]);
  };
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return embedded(12);
  constexpr std::array<unsigned char, 12> nat64{0, 0x64, 0xff, 0x9b};
  if (std::equal(nat64.begin(), nat64.end(), b)) return embedded(12);
  if (b[0] == 0x20 && b[1] == 0x02) return embedded(2);  // 6to4
  // https://www.iana.org/assignments/ipv6-address-space: only 2000::/3 is global unicast; of it, 2001::/23 and
  // 2001:db8::/32 are special.
  const bool global = (b[0] & 0xE0) == 0x20;
  const bool special_v6 = b[0] == 0x20 && b[1] == 0x01 && ((b[2] < 0x02) || (b[2] == 0x0d && b[3] == 0xb8));
  return !global || special_v6;
}

}  // namespace lazaret::download
