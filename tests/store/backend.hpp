#pragma once
/// What the shared suite knows of an implementation: how to get an empty place, and a store on it. Every case runs on
/// each row of backends() (tests/store/backends.cpp); nothing in the suite says which it is.

#include <catch2/catch.hpp>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "actors/store/store.hpp"

/// Boost's own operator<< wants one of each value.
template <class T>
struct Catch::StringMaker<lazaret::sandbox::result<T>> {
  static std::string convert(const lazaret::sandbox::result<T>& got) {
    if (!got) return got.error().describe();
    if constexpr (std::is_enum_v<T>) return std::to_string(static_cast<int>(*got));
    return "a value";
  }
};

namespace lazaret::durable::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Data of its own, empty at first, gone with it. Several stores may be open on it at once, as nodes are.
class site {
 public:
  virtual ~site() = default;
  [[nodiscard]] virtual std::unique_ptr<store> open() = 0;
};

struct backend {
  std::string name;
  std::function<std::unique_ptr<site>()> make;
};

[[nodiscard]] std::vector<backend> backends();

inline std::ostream& operator<<(std::ostream& out, const backend& b) { return out << b.name; }

/// One case's place, and the store that it asks most.
class bench {
 public:
  explicit bench(const backend& b) : data{b.make()}, held_{data->open()} {}
  [[nodiscard]] store& operator*() const { return *held_; }
  [[nodiscard]] store* operator->() const { return held_.get(); }
  /// All that the store had in memory is gone.
  void reopen() {
    held_.reset();
    held_ = data->open();
  }

  std::unique_ptr<site> data;

 private:
  std::unique_ptr<store> held_;
};

inline constexpr seconds long_lease{600};
inline constexpr milliseconds short_lease{1000};

inline name a_run(std::string id) { return {"run", std::move(id)}; }
inline place in(std::string queue, std::string client = {}, int priority = 0) {
  return {std::move(queue), priority, std::move(client), {}};
}
inline change with(std::string body, std::optional<place> next = {}, std::vector<event> events = {}) {
  return {{std::move(body), {}, {}}, std::move(next), std::move(events)};
}

/// Adds run `id`, whose body is its id.
inline void put(store& s, const std::string& id, std::optional<place> where) {
  const auto got = s.add(a_run(id), with(id, std::move(where)), 0, {});
  REQUIRE(got);
  REQUIRE(got->what == admission::kind::added);
}
inline std::vector<claim> take(store& s, const std::string& queue, std::size_t most = 1,
                               milliseconds lease = long_lease, const std::string& owner = "node:1") {
  auto got = s.take(queue, owner, most, lease);
  REQUIRE(got);
  return std::move(*got);
}
inline claim take_one(store& s, const std::string& queue, milliseconds lease = long_lease) {
  auto got = take(s, queue, 1, lease);
  REQUIRE(got.size() == 1);
  return std::move(got.front());
}
/// A node takes one and vanishes: its next life says that it has nothing.
inline claim lose(store& s, const std::string& queue) {
  auto got = take(s, queue, 1, long_lease, "node:lost");
  REQUIRE(got.size() == 1);
  REQUIRE(s.abandon("node:lost"));
  return std::move(got.front());
}
inline std::vector<std::string> ids(const std::vector<claim>& claims) {
  std::vector<std::string> all;
  for (const auto& c : claims) all.push_back(c.name.id);
  return all;
}
/// Ids in the order in which the queue gives them out, one by one, to the end.
inline std::vector<std::string> drain(store& s, const std::string& queue) {
  std::vector<std::string> all;
  for (auto got = take(s, queue); !got.empty(); got = take(s, queue)) all.push_back(got.front().name.id);
  return all;
}
inline std::string body(store& s, const std::string& id) {
  const auto got = s.find(a_run(id));
  REQUIRE(got);
  return got->value_or("(gone)");
}
inline std::vector<std::string> told(store& s, const std::string& id, std::uint64_t after = 0,
                                     std::size_t limit = 1000) {
  const auto got = s.events(a_run(id), after, limit);
  REQUIRE(got);
  std::vector<std::string> all;
  for (const auto& e : *got) all.push_back(std::to_string(e.id) + " " + e.type + " " + e.data);
  return all;
}
inline queue_depth depth(store& s, const std::string& queue) {
  const auto got = s.depth(queue);
  REQUIRE(got);
  return *got;
}

/// Polls until it holds; false after 20 s.
template <class Predicate>
bool soon(Predicate holds) {
  const auto deadline = std::chrono::steady_clock::now() + seconds{20};
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds{5});
  }
  return true;
}
/// The next claim of that queue, once there is one.
inline claim take_soon(store& s, const std::string& queue, milliseconds lease = long_lease,
                       const std::string& owner = "node:1") {
  std::vector<claim> got;
  REQUIRE(soon([&] { return !(got = take(s, queue, 1, lease, owner)).empty(); }));
  return std::move(got.front());
}

/// Counts pokes and lets a test wait for the next.
class bell {
 public:
  [[nodiscard]] std::function<void()> rope() {
    return [this] {
      const std::scoped_lock lock{mutex_};
      ++rung_;
      changed_.notify_all();
    };
  }
  [[nodiscard]] std::size_t rung() {
    const std::scoped_lock lock{mutex_};
    return rung_;
  }
  bool rings_after(std::size_t before) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, seconds{20}, [&] { return rung_ > before; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t rung_ = 0;
};

/// Runs it on `n` threads at once, with the number of each. Catch2 v2 asserts on one thread only: they must not.
template <class Work>
void at_once(int n, Work work) {
  std::vector<std::jthread> crowd;
  for (int i = 0; i < n; ++i) crowd.emplace_back([&work, i] { work(i); });
}

#define ON_EACH_STORE()                                                            \
  const auto backend = GENERATE(from_range(::lazaret::durable::test::backends())); \
  INFO("on " << backend.name);                                                     \
  ::lazaret::durable::test::bench subject { backend }

}  // namespace lazaret::durable::test
