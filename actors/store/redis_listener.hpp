#pragma once
/// Listens to Redis' channels on a connection and a thread of its own, and pokes who watches. Thread-safe.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "actors/store/redis_server.hpp"
#include "actors/store/store.hpp"

namespace lazaret::durable::redis {

class listener : public std::enable_shared_from_this<listener> {
 public:
  /// The thread starts with the first watcher.
  [[nodiscard]] static std::shared_ptr<listener> of(server& s) { return std::shared_ptr<listener>{new listener{s}}; }
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;
  ~listener();
  /// Ends the thread, for good; subscriptions may outlive it. To be called before the server goes.
  void stop();

  /// Pokes for each message there, once when the channel is heard (what came before is unknown), and once after the
  /// connection was lost and made again. `ticks`: also every second, and when a message's delay is over.
  [[nodiscard]] std::unique_ptr<subscription> watch(std::string channel, bool ticks, std::function<void()> poke);

 private:
  explicit listener(server& s) : server_{s} {}
  using steady = std::chrono::steady_clock;
  struct watcher;
  struct handle;
  struct channel {
    std::set<std::shared_ptr<watcher>> watchers;
    bool asked = false;                     ///< SUBSCRIBE was sent on this connection
    std::multiset<steady::time_point> due;  ///< when delayed work is; at most `most_due`
    bool ticks = false;
  };

  void run(std::stop_token stop);
  /// Until the connection is lost, or nobody listens any more.
  void serve(connection& c, std::stop_token stop);
  attempt<void> subscribe_to_what_is_new(connection& c);
  void heard(const reply& message);
  void poke(const std::string& name);
  void poke_what_is_due();
  void wake() const;
  void sleep(milliseconds most, int descriptor);
  [[nodiscard]] milliseconds until_next_due();
  void forget(const std::string& name, const std::shared_ptr<watcher>& who);

  server& server_;
  std::mutex mutex_;
  std::map<std::string, channel> channels_;
  std::set<std::string> unwanted_;  ///< to be unsubscribed
  steady::time_point next_tick_{};
  int wake_ = -1;  ///< eventfd(2)
  std::jthread thread_;
};

}  // namespace lazaret::durable::redis
