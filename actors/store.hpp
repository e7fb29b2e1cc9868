#pragma once
/// Where accepted runs and finished stages are before anybody is told of them. Thread-safe; every call blocks for a
/// query or a commit. A write that returned is on disk (SQLite in WAL mode with synchronous=FULL:
/// https://www.sqlite.org/pragma.html#pragma_synchronous).

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "actors/run.hpp"
#include "actors/service.hpp"
#include "sandbox/failure.hpp"

namespace lazaret::actors {

/// An event before the store has numbered it.
struct new_event {
  std::string type;
  std::string data;
};

/// A run that has not ended, and the stage that it waits for or is in.
struct unfinished_run {
  run what;
  work_stage next = work_stage::download;
  int attempt = 0;  ///< claims given out so far; the next one gets a higher number
};

class store {
 public:
  virtual ~store() = default;

  /// Writes the whole run, the stage it is at (nothing when it has ended) and `events`, in one transaction; afterwards
  /// pokes who subscribed to the run.
  virtual sandbox::result<void> save(const run& what, std::optional<work_stage> next, int attempt,
                                     std::span<const new_event> events) = 0;
  /// One more `observation` event; dropped beyond `max_observations` a run. Not synced by itself.
  virtual sandbox::result<void> observe(const std::string& run_id, std::string data) = 0;
  virtual sandbox::result<void> set_delivery(const std::string& run_id, delivery_status status,
                                             const std::string& error) = 0;

  [[nodiscard]] virtual std::optional<run> find(const std::string& run_id) = 0;
  [[nodiscard]] virtual std::optional<run_page> list(const run_filter& filter) = 0;
  [[nodiscard]] virtual std::vector<run_event> events(const std::string& run_id, std::uint64_t after,
                                                      std::size_t limit) = 0;
  /// Oldest first. What a restarted service goes on with.
  [[nodiscard]] virtual std::vector<unfinished_run> unfinished() = 0;
  [[nodiscard]] virtual std::vector<std::string> undelivered() = 0;

  [[nodiscard]] virtual std::unique_ptr<subscription> subscribe(const std::string& run_id,
                                                                std::function<void()> poke) = 0;

  static constexpr std::uint64_t max_observations = 500;
};

/// Opens or makes the embedded store. Fails when the file is not a store, was written by a newer version, or can't be
/// written.
[[nodiscard]] sandbox::result<std::unique_ptr<store>> open_sqlite_store(const std::filesystem::path& file);

}  // namespace lazaret::actors
