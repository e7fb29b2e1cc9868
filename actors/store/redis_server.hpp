#pragma once
/// The Redis that all threads share: runs scripts over a few connections, and makes new ones when they are lost.
/// Thread-safe.

#include <chrono>
#include <condition_variable>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "actors/store/redis_connection.hpp"
#include "actors/store/redis_scripts.hpp"

namespace lazaret::durable::redis {

struct server_options {
  milliseconds connect_patience{2000};
  /// Without any progress. Longer than Redis needs for its slowest fsync; shorter than half a lease.
  milliseconds answer_patience{5000};
  /// Threads that ask at the same time; more wait. Redis runs one script at a time anyway.
  std::size_t most_connections = 16;
  /// After a connection could not be made the next is tried only then, doubled up to the last.
  milliseconds first_backoff{50}, last_backoff{2000};
};

using arguments = std::vector<std::string_view>;

class server {
 public:
  server(dialer to, server_options options);

  /// The script's reply, which is no error. Sent once more when the connection was lost and the script allows it.
  result<reply> run(const script& what, const arguments& more);
  /// The same script with each of these, sent before the first is answered; the replies in their order.
  template <class Words>
  std::vector<result<reply>> run_all(const script& what, const Words& each) {
    std::vector<arguments> all;
    for (const auto& w : each) all.push_back(w.all());
    return run_each(what, all);
  }
  /// A plain command that only reads.
  result<reply> read(std::string_view step, std::initializer_list<std::string_view> command);

  /// A first connection, and a rehearsal of all that scripts do there: one that were refused a command in its middle
  /// would leave its work half done. Nothing when it went well or waiting may help; else why it never will.
  [[nodiscard]] std::optional<sandbox::failure> first_contact();
  /// A connection of the caller's own, outside the pool (for a subscriber).
  [[nodiscard]] attempt<std::unique_ptr<connection>> dial() const;

  [[nodiscard]] const address& where() const noexcept { return dialer_.to(); }
  [[nodiscard]] const server_options& options() const noexcept { return options_; }

 private:
  using timepoint = std::chrono::steady_clock::time_point;
  attempt<std::unique_ptr<connection>> check_out();
  void check_in(std::unique_ptr<connection> used);
  void drop(std::unique_ptr<connection> lost);
  /// Nobody is to try before a while; the caller has the lock.
  void hold_off(const mishap& why);
  /// Connected, and silent for all of our patience: whoever asks next is told so at once, not after as long again.
  void rest(const mishap& why);
  [[nodiscard]] arguments call_of(const script& what, const arguments& more, std::string_view nonce, bool again) const;
  attempt<reply> evaluate(connection& c, const script& what, const arguments& more, std::string_view nonce, bool again);
  std::vector<result<reply>> run_each(const script& what, const std::vector<arguments>& all);
  attempt<std::vector<reply>> evaluate_each(connection& c, const script& what, const std::vector<arguments>& all,
                                            const std::vector<std::string>& nonces, bool again);
  std::string next_nonce();
  template <class Ask>
  result<reply> try_twice(std::string_view step, bool repeatable, Ask ask);

  dialer dialer_;
  server_options options_;
  std::string self_;  ///< of this process' nonces
  std::string database_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<connection>> idle_;
  std::size_t out_ = 0;
  std::uint64_t nonces_ = 0;
  std::optional<mishap> last_mishap_;
  timepoint not_before_{};
  milliseconds backoff_{0};
};

}  // namespace lazaret::durable::redis
