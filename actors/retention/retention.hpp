#pragma once
/// What is kept for a while after its end (runs, jobs), and how it is forgotten: what ended too long ago goes, then the
/// longest ended until the folders of the rest fit. Single-threaded; step() blocks for the store and the disk.
///
/// The folder goes first, then the document: whoever is interrupted in between finds it again. Folders without a
/// document (of a run that was forgotten while an attempt that had been given up still wrote, of a job whose service
/// died before it was written) go when they were not touched for `orphan_age`.
///
/// Several nodes may do it on the same store and the same folders: what is gone already is no failure. Nobody forgets
/// more than the bound asks for, since each reads who is next *before* it looks what there is: whatever the others
/// removed in between is no longer counted, and what they remove afterwards is what this one removes too.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/batch/folder.hpp"
#include "actors/batch/ledger.hpp"
#include "actors/retention/kept_folders.hpp"
#include "actors/store.hpp"
#include "metrics/instruments.hpp"

namespace lazaret::actors {

enum class presence : std::uint8_t { none, going_on, ended };

struct retention_options {
  std::string kind;  ///< `run`, `job`: the label of the metrics
  std::vector<std::filesystem::path> places;
  std::optional<std::chrono::seconds> age;         ///< after its end; nothing: for ever
  std::uint64_t max_bytes = 0;                     ///< of the folders of all that have ended; 0: no bound
  std::optional<std::chrono::seconds> orphan_age;  ///< nothing: they stay
  /// As the store has them.
  std::function<sandbox::result<std::vector<std::string>>(std::chrono::system_clock::time_point, std::size_t)> ended;
  std::function<sandbox::result<void>(const std::string&)> forget;
  std::function<sandbox::result<presence>(const std::string&)> find;
};

/// `age` 0: for ever. Orphans stay as long as a run would: a store that came back empty costs nothing that retention
/// would have kept.
[[nodiscard]] retention_options retention_of_runs(std::shared_ptr<store> runs, const run_places& places,
                                                  std::chrono::seconds age, std::uint64_t max_bytes);
[[nodiscard]] retention_options retention_of_jobs(std::shared_ptr<batch::ledger> jobs, const batch::folder& files,
                                                  std::chrono::seconds age, std::uint64_t max_bytes);

class retention {
 public:
  retention(retention_options options, metrics::instruments& meters);

  /// A new round begins: what came and went is looked for. Everything is measured anew once in `rounds_between_all`.
  void begin_round();
  /// Forgets some; false when there is nothing left to do in this round.
  [[nodiscard]] sandbox::result<bool> step();

  /// At a time.
  static constexpr std::size_t some = 20;
  static constexpr std::uint64_t rounds_between_all = 60;

 private:
  [[nodiscard]] sandbox::result<bool> forget_old();
  [[nodiscard]] sandbox::result<bool> measure_new();
  [[nodiscard]] sandbox::result<bool> make_room();
  [[nodiscard]] sandbox::result<void> forget_orphan(const std::string& id);
  [[nodiscard]] sandbox::result<void> forget(const std::string& id, std::string_view reason);

  const retention_options options_;
  metrics::instruments& meters_;
  kept_folders folders_;
  std::vector<std::string> unknown_;  ///< to be looked at in this round
  std::uint64_t rounds_ = 0;
};

}  // namespace lazaret::actors
