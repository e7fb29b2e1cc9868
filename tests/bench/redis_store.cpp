// What the store on Redis costs. Prints a JSON line per figure as deploy/bench.sh does. The baseline of an add is
// redis-benchmark's XADD on the same server in the same run; of what is measured with 100,000 waiting, the same
// with 10. Usage: redis_store [everysec|always]: Redis' appendfsync

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "actors/store/redis_store.hpp"
#include "tests/store/redis_process.hpp"

using namespace lazaret::durable;
using namespace lazaret::durable::test;
using std::chrono::steady_clock;

namespace {

const std::string body(400, 'x');  // about what a run's submission is
std::atomic<std::uint64_t> count = 0;

void add(store& s, const std::string& queue) {
  const auto n = ++count;
  const change first{{body, {{"status", "queued"}, {"ecosystem", "pypi"}}, {}},
                     place{queue, 0, "c" + std::to_string(n % 10), {}},
                     {{"status", "queued"}}};
  const auto got = s.add({"run", "r" + std::to_string(n)}, first, 0, {});
  if (!got) throw std::runtime_error{got.error().describe()};
  if (got->what != admission::kind::added) throw std::runtime_error{"not added: r" + std::to_string(n)};
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
      "{\"case\": \"redis\", \"metric\": \"%s\", \"value\": %.1f, \"unit\": \"%s\", \"baseline\": %.1f, \"ratio\": "
      "%.3f}\n",
      metric.c_str(), value, unit, baseline, value / baseline);
  std::fflush(stdout);
}

void fill(store& s, int waiting) {
  std::vector<std::jthread> crowd;
  for (int i = 0; i < 4; ++i) {
    crowd.emplace_back([&] {
      for (int n = 0; n < waiting / 4 + 1; ++n) add(s, "waiting");
    });
  }
}

struct costs {
  std::vector<double> takes, adds;
};

void measure(store& s, costs& into) {
  into.takes.push_back(
      microseconds([&] { (void)s.take("waiting", "bench:1", 1, std::chrono::seconds{600}).value().at(0); }));
  into.adds.push_back(microseconds([&] { add(s, "waiting"); }));
}

}  // namespace

int main(int count_of_arguments, char** arguments) {
  const std::string fsync = count_of_arguments > 1 ? arguments[1] : "everysec";
  const redis_process server{{"--appendfsync", fsync}};
  const auto s = open_redis_store(server.url()).value();
  const auto begun = server_microseconds(server);
  const auto adds = adds_per_second(*s, std::chrono::seconds{4});
  const auto between = server_microseconds(server);
  const int of_redis_benchmark = fsync == "always" ? 5000 : 50000;
  const auto xadds = xadds_per_second(server, of_redis_benchmark);
  const auto ended = server_microseconds(server);
  print("adds_per_second_8_threads_" + fsync, adds, "1/s", xadds);
  print("add_processor_time_" + fsync, (between - begun) / static_cast<double>(count), "us",
        (ended - between) / of_redis_benchmark);
  if (fsync == "always") return 0;  // the disk's time would hide what is measured below
  // Two servers, in turn: what else this machine does meets both.
  const redis_process with_few, with_many;
  const auto few = open_redis_store(with_few.url()).value(), many = open_redis_store(with_many.url()).value();
  fill(*few, 10);
  fill(*many, 100'000);
  costs of_few, of_many;
  for (int i = 0; i < 3000; ++i) {
    measure(*few, of_few);
    measure(*many, of_many);
  }
  print("take_p50_100000_waiting", median(of_many.takes), "us", median(of_few.takes));
  print("add_p50_100000_waiting", median(of_many.adds), "us", median(of_few.adds));
}
