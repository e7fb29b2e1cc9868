// Which uids jails get.
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <fstream>
#include <set>
#include <vector>

#include "sandbox/uid_pool.hpp"

using namespace lazaret::sandbox;

namespace {

/// Uids that nobody else claims; the pools of these tests make no jail.
std::uint32_t unused_base() { return 1'500'000'000 + static_cast<std::uint32_t>(::getpid() % 10000) * 100; }

}  // namespace

TEST_CASE("Two jailers that were given the same uids use none of them at the same time") {
  const uid_pool::options same{.base = unused_base(), .count = 6};
  uid_pool one{same}, other{same};
  std::vector<uid_pool::lease> held;
  std::set<std::uint32_t> uids;
  for (int i = 0; i < 3; ++i)
    for (auto* pool : {&one, &other}) {
      auto lease = pool->take();
      REQUIRE(lease.has_value());
      CHECK(**lease >= same.base);
      CHECK(**lease < same.base + same.count);
      uids.insert(**lease);
      held.push_back(std::move(*lease));
    }
  CHECK(uids.size() == 6);
  auto none = one.take();
  REQUIRE(none.has_error());
  CHECK(none.error().error == EAGAIN);
  const auto freed = *held[2];
  held.erase(held.begin() + 2);
  auto again = other.take();
  REQUIRE(again.has_value());
  CHECK(**again == freed);
}

TEST_CASE("The uids of a jailer that was killed are free again") {
  const uid_pool::options only{.base = unused_base() + 50, .count = 1};
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t jailer = ::fork();
  if (jailer == 0) {
    uid_pool pool{only};
    const auto lease = pool.take();
    (void)!::write(ready[1], "r", 1);
    ::pause();
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  uid_pool pool{only};
  CHECK(pool.take().has_error());
  ::kill(jailer, SIGKILL);
  ::waitpid(jailer, nullptr, 0);
  CHECK(pool.take().has_value());
  ::close(ready[0]), ::close(ready[1]);
}

TEST_CASE("The wanted uids are given where they are mapped, else some that are, else the own one") {
  const auto chosen = choose_uids(1'900'000'000);
  REQUIRE(chosen.has_value());
  CHECK(chosen->base == 1'900'000'000);
  CHECK(chosen->count == 65536);
  CHECK(chosen->outside == 0);
  CHECK_FALSE(chosen->single);

  const auto beyond = choose_uids(4'294'960'000);  // the last of them would be above all that there are
  REQUIRE(beyond.has_value());
  CHECK(beyond->base == 4'294'967'295 / 2);
  CHECK(beyond->count == 65536);

  const pid_t alone = ::fork();
  if (alone == 0) {  // a namespace in which only 0 is mapped
    const auto uid = ::geteuid();
    const auto gid = ::getegid();  // after this they are nobody's
    if (::unshare(CLONE_NEWUSER) != 0) ::_exit(1);
    std::ofstream{"/proc/self/setgroups"} << "deny";
    std::ofstream{"/proc/self/uid_map"} << "0 " << uid << " 1";
    std::ofstream{"/proc/self/gid_map"} << "0 " << gid << " 1";
    const auto own = choose_uids(1'900'000'000);
    ::_exit(own && own->single && own->base == 0 ? 0 : 2);
  }
  int status = 0;
  REQUIRE(::waitpid(alone, &status, 0) == alone);
  CHECK(WEXITSTATUS(status) == 0);
}
