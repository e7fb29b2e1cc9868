#pragma once
/// A job: an execution that outlives the request that asked for it, and the service too. Plain values, no CAF.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/failure.hpp"

namespace lazaret::batch {

enum class status : std::uint8_t { queued, running, succeeded, failed, canceled };
[[nodiscard]] std::string_view name(status s) noexcept;
[[nodiscard]] std::optional<status> parse_status(std::string_view text) noexcept;
[[nodiscard]] constexpr bool has_ended(status s) noexcept { return s != status::queued && s != status::running; }

/// One of the files that a job keeps on disk, as a piece of a larger file: one fsync for all, and no name of a
/// client's ever becomes a path of ours.
struct kept_file {
  std::string role;  ///< the front end's own word; empty for artefacts
  std::string name;
  std::uint64_t offset = 0, size = 0;
};

struct job {
  using time = std::chrono::system_clock::time_point;
  std::string id;     ///< 32 hex digits
  std::string front;  ///< which front end's: who knows what the spec means
  std::string owner;  ///< client address
  std::string spec;   ///< the front end's own JSON
  std::vector<kept_file> input;
  batch::status status = batch::status::queued;
  time created_at{};
  std::optional<time> started_at, finished_at;
  std::optional<int> exit_code;
  std::string error;                 ///< empty: none
  std::vector<kept_file> artifacts;  ///< what it made
  std::uint64_t log_lines = 0;       ///< once it has ended
  int attempt = 0;                   ///< how often it was begun; the log and the artefacts are those of this one
};

/// What became of one attempt.
struct verdict {
  batch::status status = batch::status::failed;  ///< succeeded or failed
  std::optional<int> exit_code = {};
  std::string error = {};
  std::vector<kept_file> artifacts = {};
  std::uint64_t log_lines = 0;
};

/// Where one attempt finds its files, and how it says that there is more in its log.
struct desk_place {
  std::string input;      ///< the file that holds job::input
  std::string log;        ///< to be created
  std::string artifacts;  ///< to be created
  std::function<void()> logged;
};

/// Does the job, blocking; called on a worker's own thread. A stop request kills its jail. An exception kills the
/// worker, not the service, and the job is begun again; nothing at all means that no jail could be made: tried again
/// later.
using work_function = std::function<std::optional<verdict>(const job&, const desk_place&, std::stop_token)>;

}  // namespace lazaret::batch
