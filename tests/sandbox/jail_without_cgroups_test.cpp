// A jailer that may make no cgroup: resource limits stand in, and /proc is looked at.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;
using namespace std::chrono_literals;

TEST_CASE("Without cgroups a jail runs, and what it used is known from /proc and from its end") {
  started_jailer jails{{}, cover_cgroups};
  const auto ran = run(jails.client(), python("x = bytearray(40 << 20); print(sum(range(3000000)))"));
  CHECK(ran.err == "");
  CHECK(ran.how.reason == ending::exited);
  CHECK(ran.how.sampled);
  CHECK(ran.how.cpu > 10ms);
  CHECK(ran.how.cpu < 10s);
  CHECK(ran.how.peak_memory > 40_MiB);
  CHECK(ran.how.peak_memory < 120_MiB);
  CHECK(ran.how.peak_pids >= 1);
}

TEST_CASE("Without cgroups a jail's processes are still limited, each jail's by themselves") {
  started_jailer jails{{}, cover_cgroups};
  auto what = python(R"(
import os, time
made = 0
try:
    while made < 1000:
        if os.fork() == 0: time.sleep(1000)
        made += 1
except BlockingIOError: pass
print(made, flush=True)
input()
)");
  what.limits.pids = 20;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  auto first = jails.client().start(what, {}, unique_fd{::dup(ends[0])});
  auto second = jails.client().start(what, {}, unique_fd{::dup(ends[0])});
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  ::close(ends[0]);
  REQUIRE(::write(ends[1], "\n\n", 2) == 2);
  ::close(ends[1]);
  // 18, and python, and init: with one count for both, one of them would have made none.
  const auto one = collect(*first), other = collect(*second);
  CHECK(one.out == "18\n");
  CHECK(other.out == "18\n");
  CHECK(one.how.peak_pids <= 20);
  CHECK(jailed_processes().empty());
}

TEST_CASE("Without cgroups threads count as processes do") {
  started_jailer jails{{}, cover_cgroups};
  auto what = python(R"(
import threading, time
made = 0
try:
    while made < 1000: threading.Thread(target=time.sleep, args=(1000,), daemon=True).start(); made += 1
except RuntimeError: pass
print(made, flush=True)
import os; os._exit(0)
)");
  what.limits.pids = 20;
  CHECK(run(jails.client(), what).out == "18\n");
}

TEST_CASE("Without cgroups one process is refused memory beyond the limit, however it asks") {
  started_jailer jails{{}, cover_cgroups};
  auto what = python(R"(
import mmap, os
def attempt(name, act):
    try: act(); print(name, 'got it')
    except (MemoryError, OSError) as e: print(name, type(e).__name__)
attempt('heap', lambda: bytearray(256 << 20))
attempt('private', lambda: mmap.mmap(-1, 256 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
attempt('memfd', lambda: os.ftruncate(os.memfd_create('x'), 256 << 20))
attempt('file', lambda: os.truncate(os.open('/tmp/x', os.O_RDWR | os.O_CREAT), 256 << 20))
attempt('little', lambda: bytearray(8 << 20))
)");
  what.tmpfs.push_back({.target = "/tmp", .size = 1_GiB});
  what.limits.memory = 64_MiB;
  const auto ran = run(jails.client(), what);
  CHECK(ran.err == "");
  CHECK(ran.out == "heap MemoryError\nprivate OSError\nmemfd OSError\nfile OSError\nlittle got it\n");
}

TEST_CASE("Without cgroups processes that together take more than the limit are ended for that") {
  started_jailer jails{{}, cover_cgroups};
  auto what = python(R"(
import os, time
for _ in range(4):
    if os.fork() == 0:
        x = bytearray(b'x' * (48 << 20))
        time.sleep(1000)
time.sleep(1000)
)");
  what.limits.memory = 128_MiB;
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::out_of_memory);
  CHECK(ran.how.memory_killed);
  CHECK(ran.how.peak_memory > 128_MiB);
  CHECK(ran.how.wall < 15s);
  CHECK(jailed_processes().empty());
}

TEST_CASE("Without cgroups memory that is mapped as shared is seen, too") {
  started_jailer jails{{}, cover_cgroups};
  auto what = python(R"(
import mmap, time
x = mmap.mmap(-1, 256 << 20)
for at in range(0, len(x), 4096): x[at] = 1
time.sleep(1000)
)");
  what.limits.memory = 64_MiB;
  CHECK(run(jails.client(), what).how.reason == ending::out_of_memory);
}

TEST_CASE("Without cgroups what forked processes still share is counted once") {
  started_jailer jails{{}, cover_cgroups};
  auto what = python(R"(
import os, time
x = bytearray(b'x' * (40 << 20))
children = []
for _ in range(6):
    pid = os.fork()
    if pid == 0: time.sleep(0.5); os._exit(0)
    children.append(pid)
for pid in children: os.waitpid(pid, 0)
print('done')
)");
  what.limits.memory = 128_MiB;
  const auto ran = run(jails.client(), what);
  CHECK(ran.out == "done\n");
  CHECK(ran.how.reason == ending::exited);
}

TEST_CASE("Without cgroups the processor time of all processes together is limited") {
  started_jailer jails{{}, cover_cgroups};
  auto what = inmate({"spin"});
  what.limits.cpu = 500ms;
  const auto threads = run(jails.client(), what);
  CHECK(threads.how.reason == ending::cpu_timeout);
  CHECK(threads.how.cpu >= 450ms);
  CHECK(threads.how.cpu < 1500ms);
  CHECK(threads.how.wall < 10s);

  // Of children that nobody waits for, nothing is added up by the kernel.
  auto forgetful = python(R"(
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    if os.fork() == 0:
        while time.process_time() < 0.2: pass
        os._exit(0)
    time.sleep(0.2)
)");
  forgetful.limits.cpu = 1s;
  CHECK(run(jails.client(), forgetful).how.reason == ending::cpu_timeout);
}

TEST_CASE(
    "Without cgroups nothing runs where JAIL_REQUIRE names what they would give, or the policy asks for a share") {
  started_jailer strict{{"--require", "memory"}, cover_cgroups};
  auto started = strict.client().start(inmate({"descriptors"}));
  REQUIRE(started.has_error());
  INFO(started.error().describe());
  CHECK(started.error().describe().find("JAIL_REQUIRE names memory") != std::string::npos);

  started_jailer jails{{}, cover_cgroups};
  auto what = inmate({"descriptors"});
  what.limits.cpus = 0.5;
  CHECK(jails.client().start(what).has_error());
}

TEST_CASE("Without cgroups the self-test says that there are none, and that the rest holds") {
  started_jailer jails{{}, cover_cgroups};
  const auto reports = jails.client().self_test();
  REQUIRE(reports.has_value());
  for (const auto& layer : *reports) {
    INFO(layer.name << ": " << layer.detail);
    const bool counted = layer.name == "memory" || layer.name == "pids" || layer.name == "cpu";
    if (counted) CHECK(layer.state == layer_state::unavailable);
    if (counted) CHECK_FALSE(layer.required);
    CHECK(layer.state != layer_state::broken);
  }
  CHECK_FALSE(is_degraded(*reports));
}
