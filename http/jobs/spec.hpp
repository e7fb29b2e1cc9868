#pragma once
/// What a request to the front end `jobs` asks for (compat/jobs.md), read as FastAPI and Pydantic read it: numbers may
/// be written as text, fields that nobody knows are left aside, complaints are a list that names each field.

#include <boost/json/array.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "actors/batch/folder.hpp"
#include "http/message.hpp"
#include "sandbox/runtimes/installed.hpp"

namespace lazaret::http::jobs {

struct job_spec {
  std::string runtime = "python3.12", entry = "main.py", net_policy = "none";
  std::vector<std::string> args;
  std::int64_t timeout_sec = 60, mem_limit_mb = 512, pids_limit = 128;
  double cpu_limit = 1.0;
  std::vector<std::pair<std::string, std::string>> env;
};

struct spec_limits {
  std::int64_t most_memory_mb = 4096;
  bool allows_outbound = false;  ///< ALLOW_OUTBOUND
  /// Null: a language that isn't here is all right, too.
  const sandbox::installed_runtimes* runtimes = nullptr;
};

/// Or the list of what is wrong with it. `text`: a JSON object.
[[nodiscard]] std::variant<job_spec, boost::json::array> read_spec(const boost::json::value& document,
                                                                   const spec_limits& within = {});
/// As JOB shows it, and as read_spec() reads it again.
[[nodiscard]] boost::json::value to_json(const job_spec& spec);

struct job_request {
  job_spec spec;
  std::vector<batch::incoming_file> files;  ///< role `code` or `input`; contents are views into the body
};
/// The whole form; or 400 or 422 as the contract words them.
[[nodiscard]] std::variant<job_request, response> read_request(const request& r, const spec_limits& within = {});

inline constexpr std::string_view code_role = "code", input_role = "input";

}  // namespace lazaret::http::jobs
