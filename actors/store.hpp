#pragma once
/// Runs in the durable store: what is JSON and documents there is a `run` here, and nothing else. Each stage has a
/// queue of its name, and what is to be told to the webhook waits in `delivery` (an outbox: it gets there with the
/// run's end, in one transaction). Thread-safe; every call blocks for a query or a commit.
///
/// Nobody holds a run but by a claim, and a claim is good for a lease: other processes may work on the same store.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "actors/run.hpp"
#include "actors/service.hpp"
#include "actors/store/store.hpp"
#include "sandbox/failure.hpp"

namespace lazaret::actors {

using new_event = durable::event;
using durable::settlement;

/// A run, where it goes next, and what is told of it: written together.
struct step {
  run now;
  std::optional<std::string> queue;  ///< nothing: the run has ended and waits for nobody
  std::chrono::system_clock::time_point not_before{};
  std::vector<new_event> events;
};

struct new_run {
  step first;
  std::optional<durable::idempotency> key;
};

struct held_run {
  durable::claim claim;
  run what;
};

class store {
 public:
  /// `node`: who takes; the same after a restart: [A-Za-z0-9._-]{1,80}.
  store(std::shared_ptr<durable::store> documents, std::string node);

  sandbox::result<void> add(const step& first);
  /// Each by itself, with one wait for the disk; in that order. `what` is added, repeated or conflict.
  std::vector<sandbox::result<durable::admission>> add_all(const std::vector<new_run>& fresh);
  /// What add_all() would answer to that key; nothing when it is unused.
  [[nodiscard]] sandbox::result<std::optional<durable::admission>> recognise(const durable::idempotency& key);
  /// `role`: who of this node, [a-z]{1,10}. A document that is no run of ours ends, as it is, as failed.
  sandbox::result<std::vector<held_run>> take(const std::string& queue, const std::string& role, std::size_t most,
                                              std::chrono::milliseconds lease);
  sandbox::result<settlement> renew(const durable::claim& held, std::chrono::milliseconds lease);
  sandbox::result<settlement> update(const durable::claim& held, const step& now);
  sandbox::result<settlement> settle(const durable::claim& held, const step& outcome);
  sandbox::result<settlement> put_back(const durable::claim& held, bool died);
  /// What a former life of this node held in that role is free for whoever asks next.
  sandbox::result<std::uint64_t> abandon(const std::string& role);
  /// Changes the run whoever holds it; `decide` gives nothing to leave it alone (then: superseded).
  sandbox::result<settlement> amend(const std::string& run_id,
                                    const std::function<std::optional<step>(const run&)>& decide);

  /// One more `observation` event; dropped beyond `max_observations` a run. Not synced by itself.
  sandbox::result<void> observe(const std::string& run_id, std::string data);

  /// These throw store_unreadable when the store can't be read: that is not "there is none".
  [[nodiscard]] std::optional<run> find(const std::string& run_id);
  [[nodiscard]] std::optional<run_page> list(const run_filter& filter);
  [[nodiscard]] std::vector<run_event> events(const std::string& run_id, std::uint64_t after, std::size_t limit);

  [[nodiscard]] sandbox::result<durable::queue_depth> depth(const std::string& queue);
  /// How many of its queue come before it; nothing when it does not wait.
  [[nodiscard]] sandbox::result<std::optional<std::uint64_t>> position(const std::string& run_id);
  /// Notes that expire, as durable::store has them.
  sandbox::result<void> remember(const std::string& key, const std::string& value, std::chrono::seconds keep);
  [[nodiscard]] sandbox::result<std::optional<std::string>> recall(const std::string& key);
  /// For retention, as durable::store has them.
  [[nodiscard]] sandbox::result<std::vector<std::string>> ended(std::chrono::system_clock::time_point before,
                                                                std::size_t most);
  sandbox::result<void> forget(const std::string& run_id);
  sandbox::result<std::size_t> tidy(std::size_t most);
  [[nodiscard]] std::unique_ptr<subscription> subscribe(const std::string& run_id, std::function<void()> poke);
  [[nodiscard]] std::unique_ptr<durable::subscription> watch_queue(const std::string& queue,
                                                                   std::function<void()> poke);
  /// As durable::store::trouble().
  [[nodiscard]] std::optional<std::string> trouble();

  static constexpr std::uint64_t max_observations = 500;

 private:
  [[nodiscard]] std::string owner(const std::string& role) const { return node_ + ":" + role; }

  std::shared_ptr<durable::store> documents_;
  std::string node_;
};

inline constexpr const char* delivery_queue = "delivery";

/// Opens or makes the embedded store. Fails when the file is not a store, was written by a newer version, or can't be
/// written.
[[nodiscard]] sandbox::result<std::unique_ptr<store>> open_sqlite_store(const std::filesystem::path& file);

}  // namespace lazaret::actors
