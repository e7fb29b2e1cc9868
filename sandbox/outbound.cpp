#include "sandbox/outbound.hpp"

#include <algorithm>

namespace lazaret::sandbox {
namespace {

void replace(policy& in, const std::string& target, std::string content) {
  std::erase_if(in.files, [&](const text_file& f) { return f.target == target; });
  in.files.push_back({target, std::move(content)});
}

void show(policy& in, const std::string& name, const std::string& address, const char* type, const char* mtu,
          bool is_up) {
  const auto folder = "/sys/class/net/" + name + "/";
  replace(in, folder + "address", address + "\n");
  replace(in, folder + "mtu", std::string{mtu} + "\n");
  replace(in, folder + "operstate", is_up ? "unknown\n" : "down\n");
  replace(in, folder + "type", std::string{type} + "\n");
}

}  // namespace

void allow_outbound(policy& what) {
  what.network = network_mode::outbound;
  replace(what, "/etc/resolv.conf", "nameserver " + name_server.text() + "\noptions timeout:5 attempts:2\n");
  replace(what, "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
  replace(what, "/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n" + own_v4.text() + " " + what.hostname + "\n");
}

void show_interfaces(policy& what) {
  // linux/if_arp.h: ARPHRD_LOOPBACK 772, ARPHRD_ETHER 1.
  show(what, "lo", "00:00:00:00:00:00", "772", "65536", what.network != network_mode::none);
  if (what.network == network_mode::outbound) show(what, "eth0", "02:00:00:00:00:02", "1", "1500", true);
}

}  // namespace lazaret::sandbox
