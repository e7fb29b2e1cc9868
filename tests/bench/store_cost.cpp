// What the stores cost. Prints a JSON line per figure as deploy/bench.sh does. The baseline of an add to Redis is
// redis-benchmark's XADD on the same server in the same run; of what is measured with 100,000 waiting, the same
// with 10. Usage: store_cost everysec|always|sqlite: Redis' appendfsync, or the embedded store

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "actors/store/redis_store.hpp"
#include "actors/store/sqlite_store.hpp"
#include "tests/store/redis_process.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace lazaret::durable;
using namespace lazaret::durable::test;
using std::chrono::steady_clock;

namespace {

const std::string body(400, 'x');  // about what a run's submission is
std::atomic<std::uint64_t> count = 0;

addition next(const std::string& queue) {
  const auto n = ++count;
  return {{"run", "r" + std::to_string(n)},
          {{body, {{"status", "queued"}, {"ecosystem", "pypi"}}, {}},
           place{queue, 0, "c" + std::to_string(n % 10), {}},
           {{"status", "queued"}}},
          0,
          {}};
}

void add(store& s, const std::string& queue, std::size_t at_once = 1) {
  std::vector<addition> them;
  for (std::size_t i = 0; i < at_once; ++i) them.push_back(next(queue));
  for (const auto& got : s.add_all(them)) {
    if (!got) throw std::runtime_error{got.error().describe()};
    if (got->what != admission::kind::added) throw std::runtime_error{"not added"};
  }
}

double adds_per_second(store& s, std::chrono::seconds time) {
  std::atomic<std::uint64_t> done = 0;
  const auto until = steady_clock::now() + time;
  {
    std::vector<std::jthread> crowd;
    for (int i = 0; i < 8; ++i) {
      crowd.emplace_back([&] {
        while (steady_clock::now() < until) {
          add(s, "accepted");
          ++done;
        }
      });
    }
  }
  return static_cast<double>(done) / static_cast<double>(time.count());
}

double xadds_per_second(const redis_process& server, int calls) {
  // -q: `XADD ...: 12345.67 requests per second, p50=...`
  const auto said = run({"redis-benchmark", "-s", server.socket(), "-c", "8", "-n", std::to_string(calls), "-q", "XADD",
                         "bench", "*", "d", body});
  const auto at = said.rfind(" requests per second");
  const auto from = said.rfind(' ', at - 1);
  return std::stod(said.substr(from + 1, at - from - 1));
}

/// The processor's time that the server has used: what else runs on this machine changes it least.
double server_microseconds(const redis_process& server) {
  const auto all = server.cli({"INFO", "cpu"});
  const auto value = [&](const std::string& label) { return std::stod(all.substr(all.find(label) + label.size())); };
  return (value("used_cpu_sys:") + value("used_cpu_user:")) * 1e6;
}

template <class Call>
double microseconds(Call call) {
  const auto begun = steady_clock::now();
  call();
  return std::chrono::duration<double, std::micro>(steady_clock::now() - begun).count();
}

double median(std::vector<double> all) {
  std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2), all.end());
  return all[all.size() / 2];
}

void print(const std::string& metric, double value, const char* unit, double baseline) {
  std::printf(
      "{\"case\": \"stores\", \"metric\": \"%s\", \"value\": %.1f, \"unit\": \"%s\", \"baseline\": %.1f, \"ratio\": "
      "%.3f}\n",
      metric.c_str(), value, unit, baseline, value / baseline);
  std::fflush(stdout);
}

void fill(store& s, int waiting) {
  constexpr int at_once = 100;
  for (; waiting >= at_once; waiting -= at_once) add(s, "waiting", at_once);
  if (waiting > 0) add(s, "waiting", static_cast<std::size_t>(waiting));
}

struct costs {
  std::vector<double> takes, adds;
};

void measure(store& s, costs& into) {
  into.takes.push_back(
      microseconds([&] { (void)s.take("waiting", "bench:1", 1, std::chrono::seconds{600}).value().at(0); }));
  into.adds.push_back(microseconds([&] { add(s, "waiting"); }));
}

/// In turn: what else this machine does meets both.
void compare(store& few, store& many, const std::string& which) {
  fill(few, 10);
  fill(many, 100'000);
  costs of_few, of_many;
  for (int i = 0; i < 2000; ++i) {
    measure(few, of_few);
    measure(many, of_many);
  }
  print(which + ": take, p50, 100000 waiting; baseline 10 waiting", median(of_many.takes), "us", median(of_few.takes));
  print(which + ": add, p50, 100000 waiting; baseline 10 waiting", median(of_many.adds), "us", median(of_few.adds));
}

void on_sqlite() {
  const lazaret::testing::temporary_folder one, other;
  const auto few = open_sqlite_store(one.path() / "few").value(),
             many = open_sqlite_store(other.path() / "many").value();
  compare(*few, *many, "SQLite");
}

void on_redis(const std::string& fsync) {
  const redis_process server{{"--appendfsync", fsync}};
  const auto s = open_redis_store(server.url()).value();
  const auto begun = server_microseconds(server);
  const auto adds = adds_per_second(*s, std::chrono::seconds{4});
  const auto between = server_microseconds(server);
  const int of_redis_benchmark = fsync == "always" ? 5000 : 50000;
  const auto xadds = xadds_per_second(server, of_redis_benchmark);
  const auto ended = server_microseconds(server);
  print("Redis, " + fsync + ": adds by 8 threads; baseline XADD by 8 clients", adds, "1/s", xadds);
  print("Redis, " + fsync + ": the server's processor time of an add; baseline of an XADD",
        (between - begun) / static_cast<double>(count), "us", (ended - between) / of_redis_benchmark);
  if (fsync == "always") return;  // the disk's time would hide what is measured below
  const redis_process with_few, with_many;
  const auto few = open_redis_store(with_few.url()).value(), many = open_redis_store(with_many.url()).value();
  compare(*few, *many, "Redis");
}

}  // namespace

int main(int count_of_arguments, char** arguments) {
  const std::string which = count_of_arguments > 1 ? arguments[1] : "everysec";
  if (which == "sqlite")
    on_sqlite();
  else
    on_redis(which);
}
