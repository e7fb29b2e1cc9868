#include "sandbox/spare_networks.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace lazaret::sandbox {
namespace {

constexpr const char* own_namespace = "/proc/thread-self/ns/net";

/// Of this process for a moment only: what it stayed in would outlive its jail. -1: not to be had.
int make_one(int home) noexcept {
  if (::unshare(CLONE_NEWNET) != 0) return -1;
  const int made = ::open(own_namespace, O_RDONLY | O_CLOEXEC);
  if (::setns(home, CLONE_NEWNET) != 0) ::_exit(1);
  return made;
}

/// One for each byte that it is sent, until nobody sends any more.
void serve(int home, int orders, int ready) noexcept {
  for (;;) {
    char order = 0;
    const auto size = ::read(orders, &order, sizeof order);
    if (size != sizeof order) break;
    const int made = make_one(home);
    if (made < 0) break;
    if (::write(ready, &made, sizeof made) != sizeof made) ::close(made);
  }
  ::close(orders);
  ::close(ready);
}

}  // namespace

result<spare_networks> spare_networks::make(unsigned count) {
  std::array<int, 2> orders{}, ready{};
  unique_fd home{::open(own_namespace, O_RDONLY | O_CLOEXEC)};
  if (!home) return os_failure("spare_networks", std::string{"open "} + own_namespace);
  if (::setns(home.get(), CLONE_NEWNET) != 0) return spare_networks{};
  if (::pipe2(orders.data(), O_CLOEXEC) != 0) return os_failure("spare_networks", "pipe2");
  unique_fd orders_read{orders[0]}, orders_write{orders[1]};
  if (::pipe2(ready.data(), O_CLOEXEC) != 0) return os_failure("spare_networks", "pipe2");
  unique_fd ready_read{ready[0]}, ready_write{ready[1]};
  const std::string first(count, '+');
  if (::fcntl(ready[0], F_SETFL, O_NONBLOCK) != 0 || ::fcntl(orders[1], F_SETFL, O_NONBLOCK) != 0 ||
      ::write(orders[1], first.data(), first.size()) < 0)
    return os_failure("spare_networks", "pipe");
  auto maker = companion::start(
      "spare-networks", [home = home.get(), orders = orders[0], ready = ready[1]] { serve(home, orders, ready); });
  if (!maker) return maker.error();
  (void)orders_read.release(), (void)ready_write.release();  // closed by it, for both
  return spare_networks{std::move(home), std::move(orders_write), std::move(ready_read), std::move(*maker)};
}

spare_networks::~spare_networks() {
  orders_.reset();
  maker_ = {};
  for (int left = -1; ready_ && ::read(ready_.get(), &left, sizeof left) == sizeof left;) ::close(left);
}

spare_networks::visit::visit(spare_networks& from) noexcept {
  guardian::network one{-1, from.home_.get()};
  if (from.by_guardian_ != nullptr)
    one = from.by_guardian_->take_network();
  else if (::read(from.ready_.get(), &one.fresh, sizeof one.fresh) == sizeof one.fresh)
    (void)!::write(from.orders_.get(), "+", 1);
  const unique_fd network{one.fresh};
  if (network && ::setns(network.get(), CLONE_NEWNET) == 0) home_ = one.home;
}

spare_networks::visit::~visit() {
  if (home_ >= 0 && ::setns(home_, CLONE_NEWNET) != 0) std::abort();
}

}  // namespace lazaret::sandbox
