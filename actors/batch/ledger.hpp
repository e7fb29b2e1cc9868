#pragma once
/// Jobs in the durable store: what is JSON and documents there is a `job` here, and nothing else. They wait in one
/// queue, in fair turns between clients. Thread-safe; every call blocks for a query, a commit or a round trip.
///
/// Nobody holds a job but by a claim, and a claim is good for a lease: other nodes may work on the same store.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/batch/job.hpp"
#include "actors/store/store.hpp"

namespace lazaret::batch {

struct held_job {
  durable::claim claim;  ///< without the body
  job what;
};

class ledger {
 public:
  using settlement = durable::settlement;

  /// `node`: who takes; the same after a restart: [A-Za-z0-9._-]{1,80}.
  ledger(std::shared_ptr<durable::store> documents, std::string node);

  /// `most_waiting`: 0 is no bound. `key`: of a client who may ask twice.
  sandbox::result<durable::admission> add(const job& fresh, std::uint64_t most_waiting,
                                          const std::optional<durable::idempotency>& key);
  /// A document that is no job of ours ends, as it is.
  sandbox::result<std::vector<held_job>> take(std::size_t most, std::chrono::milliseconds lease);
  sandbox::result<settlement> renew(const durable::claim& held, std::chrono::milliseconds lease);
  /// Writes what it is now, under the claim; who watches it is told.
  sandbox::result<settlement> update(const durable::claim& held, const job& now);
  /// As update(), and it waits for nobody any more.
  sandbox::result<settlement> settle(const durable::claim& held, const job& ended);
  /// It waits again, with the turn that it had.
  sandbox::result<settlement> put_back(const durable::claim& held, job::time not_before, bool died);
  /// What a former life of this node held is free for whoever asks next.
  sandbox::result<std::uint64_t> abandon();
  /// Ends the job whoever holds it; `decide` gives it as it ends, or nothing to leave it alone (then: superseded).
  sandbox::result<settlement> end(const std::string& id, const std::function<std::optional<job>(const job&)>& decide);

  /// Asks whoever holds it to end it early; not synced by itself.
  sandbox::result<void> ask_to_cancel(const std::string& id);
  /// Or was ended by end(): whoever works on it need not go on.
  [[nodiscard]] sandbox::result<bool> is_asked_to_cancel(const std::string& id);

  /// Nothing for an id that can be none, too.
  [[nodiscard]] sandbox::result<std::optional<job>> find(const std::string& id);
  [[nodiscard]] sandbox::result<durable::queue_depth> depth();
  /// As durable::store::watch_queue().
  [[nodiscard]] std::unique_ptr<durable::subscription> watch(std::function<void()> poke);
  /// As durable::store::watch_events(): when its status changed, or it is asked to cancel.
  [[nodiscard]] std::unique_ptr<durable::subscription> watch(const std::string& id, std::function<void()> poke);

  [[nodiscard]] sandbox::result<std::vector<std::string>> ended(job::time before, std::size_t most);
  sandbox::result<void> forget(const std::string& id);

 private:
  std::shared_ptr<durable::store> documents_;
  std::string owner_;
};

inline constexpr const char* job_queue = "batch";

}  // namespace lazaret::batch
