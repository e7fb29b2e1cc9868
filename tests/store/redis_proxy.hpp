#pragma once
/// Stands between a store and its Redis, and loses an answer when it is told to: the request went through, the reply is
/// thrown away and the connection closed.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace lazaret::durable::test {

class lossy_proxy {
 public:
  lossy_proxy(std::string listen_at, std::string server_at);
  lossy_proxy(const lossy_proxy&) = delete;
  ~lossy_proxy();
  /// The next reply to any request whose bytes hold `marker` is lost.
  void lose_next_reply_to(std::string marker);
  [[nodiscard]] bool has_lost() const { return lost_; }

 private:
  void serve();
  void relay(int client);
  std::string server_at_;
  std::string marker_;
  std::atomic<bool> armed_ = false, lost_ = false, ends_ = false;
  int listening_ = -1;
  std::thread thread_;
  std::vector<std::thread> relays_;
};

}  // namespace lazaret::durable::test
