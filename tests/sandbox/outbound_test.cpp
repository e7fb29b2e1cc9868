#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <thread>

#include "sandbox/outbound.hpp"
#include "tests/sandbox/started_jailer.hpp"

namespace lazaret::sandbox::testing {
namespace {

/// Stands where the relay stands: answers each connection with where it wanted to go, each datagram with `name`.
class echo {
 public:
  explicit echo(outbound_ends ends) : ends_{std::move(ends)} {}

 private:
  void serve(std::stop_token stop) {
    while (!stop.stop_requested()) {
      pollfd both[] = {{ends_.connections.get(), POLLIN, 0}, {ends_.names.get(), POLLIN, 0}};
      ::poll(both, 2, 50);
      if (both[0].revents != 0) greet();
      if (both[1].revents != 0) name();
    }
  }
  void greet() {
    const unique_fd client{::accept4(ends_.connections.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    sockaddr_in6 wanted{};
    socklen_t size = sizeof wanted;
    if (::getsockname(client.get(), reinterpret_cast<sockaddr*>(&wanted), &size) != 0) return;
    const auto address = ip_address::from_v6(std::span<const std::uint8_t, 16>{wanted.sin6_addr.s6_addr});
    const auto text = address.text() + " " + std::to_string(ntohs(wanted.sin6_port));
    (void)!::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  void name() {
    char question[512];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    if (::recvfrom(ends_.names.get(), question, sizeof question, 0, reinterpret_cast<sockaddr*>(&from), &size) >= 0)
      (void)!::sendto(ends_.names.get(), "name", 4, 0, reinterpret_cast<sockaddr*>(&from), size);
  }

  outbound_ends ends_;
  std::jthread thread_{[this](std::stop_token stop) { serve(std::move(stop)); }};
};

finished run_outbound(jailer& with, policy what) {
  allow_outbound(what);
  auto started = with.start(what);
  INFO((started ? "" : started.error().describe()));
  REQUIRE(started.has_value());
  auto ends = started->take_outbound();
  REQUIRE(ends.connections);
  REQUIRE(ends.names);
  const echo outside{std::move(ends)};
  return collect(*started);
}

}  // namespace

TEST_CASE("With network mode outbound every public address and port arrives at one listener, and nothing else does") {
  started_jailer jails;
  const auto seen = run_outbound(jails.client(), python(R"(
import socket
def ask(host, port):
    try:
        with socket.create_connection((host, port), 5) as s: return s.recv(99).decode() or 'closed'
    except OSError as e: return e.strerror
for host in ('1.1.1.1', '93.184.216.34', '2606:4700::1111', '::ffff:8.8.4.4'): print(ask(host, 443))
print(ask('8.8.8.8', 1), ask('8.8.8.8', 65535), ask('192.0.2.53', 53))
print('--')
for host in ('10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254', '168.63.129.16', '100.100.100.200', '224.0.0.1',
             '255.255.255.255', '198.51.100.1', 'fd00:ec2::254', '64:ff9b::a9fe:a9fe', '2002:7f00:1::', 'ff02::1', '::2'):
    print(host, ask(host, 80))
print('--')
for host in ('127.0.0.1', '::1', '192.0.2.2', '0.0.0.0', '::ffff:127.0.0.1', '2001:db8::2'): print(host, ask(host, 80))
)"));
  CHECK(seen.err == "");
  CHECK(seen.out == R"(1.1.1.1 443
93.184.216.34 443
2606:4700::1111 443
8.8.4.4 443
8.8.8.8 1 8.8.8.8 65535 192.0.2.53 53
--
10.1.2.3 No route to host
172.16.0.1 No route to host
192.168.1.1 No route to host
169.254.169.254 No route to host
168.63.129.16 No route to host
100.100.100.200 No route to host
224.0.0.1 No route to host
255.255.255.255 No route to host
198.51.100.1 No route to host
fd00:ec2::254 Network is unreachable
64:ff9b::a9fe:a9fe Network is unreachable
2002:7f00:1:: No route to host
ff02::1 Network is unreachable
::2 Network is unreachable
--
127.0.0.1 Connection refused
::1 Connection refused
192.0.2.2 Connection refused
0.0.0.0 Connection refused
::ffff:127.0.0.1 Connection refused
2001:db8::2 Connection refused
)");
}

TEST_CASE("A jail with network mode outbound has eth0, names, a loopback of its own, and no power over any of it") {
  started_jailer jails;
  auto what = python(R"(
import errno, os, socket, struct
print([name for _, name in socket.if_nameindex()], sorted(os.listdir('/sys/class/net')))
print(open('/etc/resolv.conf').readline().split(), open('/sys/class/net/eth0/address').read().strip())
def attempt(what, act):
    try: print(what, act())
    except OSError as e: print(what, errno.errorcode[e.errno])
def ask(host, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5); s.connect((host, port)); s.send(b'?'); return s.recv(99)
attempt('names', lambda: ask('192.0.2.53', 53))
attempt('other udp', lambda: ask('8.8.8.8', 53))
attempt('private udp', lambda: ask('10.0.0.1', 53))
def loop():
    with socket.create_server(('127.0.0.1', 0)) as server, socket.create_connection(server.getsockname()) as one:
        one.sendall(b'x'); return server.accept()[0].recv(1)
attempt('own server', loop)
def squat():
    with socket.create_server(('8.8.8.8', 8080)), socket.create_connection(('8.8.8.8', 8080), 5) as one: return one.recv(99)
attempt('squat', squat)
attempt('bind the name server', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(('192.0.2.53', 53)))
attempt('transparent', lambda: socket.socket().setsockopt(0, 19, 1))
attempt('raw', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
attempt('packet', lambda: socket.socket(17, socket.SOCK_RAW))
attempt('ping', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1))
attempt('nftables', lambda: socket.socket(16, socket.SOCK_RAW, 12))
def change(type, header):  # of rtnetlink
    with socket.socket(16, socket.SOCK_RAW, 0) as s:
        s.bind((0, 0)); s.send(struct.pack('=IHHII', 16 + len(header), type, 0x405, 1, 0) + header)
        return os.strerror(-struct.unpack_from('=i', s.recv(999), 16)[0])
attempt('route', lambda: change(24, struct.pack('=BBBBBBBBI', 2, 0, 0, 0, 254, 4, 253, 2, 0) + struct.pack('=HHI', 8, 4, 1)))
attempt('address', lambda: change(20, struct.pack('=BBBBI', 2, 24, 0, 0, 1) + struct.pack('=HH4s', 8, 2, bytes([10, 0, 0, 1]))))
attempt('link', lambda: change(16, struct.pack('=BBHiII', 0, 0, 0, 2, 0, 1)))
)");
  allow_outbound(what);
  show_interfaces(what);
  const auto seen = run_outbound(jails.client(), what);
  CHECK(seen.err == "");
  CHECK(seen.out == R"(['lo', 'eth0'] ['eth0', 'lo']
['nameserver', '192.0.2.53'] 02:00:00:00:00:02
names b'name'
other udp ECONNREFUSED
private udp EHOSTUNREACH
own server b'x'
squat b'8.8.8.8 8080'
bind the name server EACCES
transparent EPERM
raw EPERM
packet EAFNOSUPPORT
ping EPROTONOSUPPORT
nftables EPROTONOSUPPORT
route Operation not permitted
address Operation not permitted
link Operation not permitted
)");
}

TEST_CASE("Without a network the only interface that a program is shown is loopback") {
  started_jailer jails;
  auto what =
      python("import os; print(os.listdir('/sys/class/net'), open('/sys/class/net/lo/operstate').read(), end='')");
  show_interfaces(what);
  CHECK(run(jails.client(), what).out == "['lo'] down\n");
}

TEST_CASE("Addresses are judged by what they lead to, however they are written") {
  const auto judge = [](const char* text) { return why_forbidden(ip_address::parse(text).value()).has_value(); };
  for (const char* bad : {"0.0.0.0",
                          "0.1.2.3",
                          "10.255.255.255",
                          "100.64.0.1",
                          "100.127.255.255",
                          "127.0.0.1",
                          "127.255.0.1",
                          "168.63.129.16",
                          "169.254.169.254",
                          "172.16.0.1",
                          "172.31.255.255",
                          "192.0.0.192",
                          "192.0.2.53",
                          "192.88.99.1",
                          "192.168.0.1",
                          "198.18.0.1",
                          "198.19.255.255",
                          "198.51.100.7",
                          "203.0.113.7",
                          "224.0.0.251",
                          "239.1.1.1",
                          "240.0.0.1",
                          "255.255.255.255",
                          "::",
                          "::1",
                          "::127.0.0.1",
                          "::ffff:127.0.0.1",
                          "::ffff:10.0.0.1",
                          "::ffff:a9fe:a9fe",
                          "64:ff9b::127.0.0.1",
                          "64:ff9b::8.8.8.8",
                          "64:ff9b:1::1",
                          "100::1",
                          "fc00::1",
                          "fd00:ec2::254",
                          "fe80::1",
                          "fec0::1",
                          "ff02::1",
                          "2001::1",
                          "2001:1ff::1",
                          "2001:db8::1",
                          "2002:7f00:1::",
                          "3fff::1",
                          "4000::1",
                          "5f00::1"}) {
    INFO(bad);
    CHECK(judge(bad));
  }
  for (const char* good :
       {"1.1.1.1",         "8.8.8.8",         "9.255.255.255", "11.0.0.0",    "100.63.255.255",  "100.128.0.0",
        "126.255.255.255", "128.0.0.1",       "168.63.129.15", "169.253.1.1", "172.15.0.1",      "172.32.0.1",
        "192.0.1.1",       "192.0.3.1",       "198.17.0.1",    "198.20.0.1",  "223.255.255.255", "::ffff:8.8.8.8",
        "2001:200::1",     "2606:4700::1111", "2a00:1450::1",  "3ffe::1"}) {
    INFO(good);
    CHECK_FALSE(judge(good));
  }
  CHECK_FALSE(ip_address::parse("1.2.3"));
  CHECK_FALSE(ip_address::parse("localhost"));
}

}  // namespace lazaret::sandbox::testing
