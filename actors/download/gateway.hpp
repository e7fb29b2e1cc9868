#pragma once
/// The registry as one jailed run sees it: pip's only way out. Pure logic, one object per run; thread-safe.
///
/// It answers GET and HEAD of /simple/NAME/ and /files/N/FILENAME and nothing else; every link it writes is its own.
/// What passes goes through the same fetcher, cap, digest check and cache as the download stage. Who asks is hostile.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "actors/download/registry.hpp"
#include "actors/run.hpp"

namespace lazaret::download {

struct gateway_request {
  std::string method;
  std::string target;  ///< as in the request line
  std::string accept;
};

struct gateway_response {
  int status = 200;
  std::string reason;  ///< the reason phrase; pip prints it, so it says why
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;                                ///< unless `file`
  std::shared_ptr<const sandbox::unique_fd> file;  ///< read with pread(2)
  std::uint64_t file_size = 0;
};

/// In the status line and as the body, for pip and npm print the one or the other.
[[nodiscard]] gateway_response gateway_says(int status, std::string_view reason);
[[nodiscard]] gateway_response gateway_says(const download_error& error);

struct gateway_options {
  /// The release under triage: of its version the page shows this file alone, with this digest, whatever the index has
  /// come to say since. It counts as paid for.
  std::string package_name, version;
  actors::artefact artefact;
  std::size_t most_requests = 20'000;
  std::size_t most_projects = 1'000;
  std::size_t longest_target = 1'024;
};

/// What happened so far; goes into execution_result.
struct gateway_record {
  std::vector<actors::dependency> dependencies;  ///< in order, no two with the same digest, the artefact not among them
  std::vector<actors::note> notes;  ///< `download_cap`, `digest_mismatch`, `denied_dependency`, `gateway_abuse`
  std::uint64_t bytes_from_index = 0, bytes_from_cache = 0;  ///< of files
  bool cap_exceeded = false;
};

class gateway {
 public:
  /// Both must outlive it. `budget` is the run's, the artefact already counted.
  gateway(registry& upstream, download_budget& budget, gateway_options options);
  ~gateway();

  /// May block for as long as a download takes; ends soon after a stop request.
  [[nodiscard]] gateway_response answer(const gateway_request& request, std::stop_token stop);
  [[nodiscard]] gateway_record record() const;

 private:
  struct project;
  [[nodiscard]] gateway_response answer_project(std::string_view name, const gateway_request& request,
                                                const std::stop_token& stop);
  [[nodiscard]] gateway_response answer_file(std::string_view rest, const gateway_request& request,
                                             const std::stop_token& stop);
  [[nodiscard]] gateway_response hand_out(const wanted_blob& wanted, const std::string& filename, bool is_metadata,
                                          const std::stop_token& stop);
  [[nodiscard]] std::shared_ptr<const project> make_project(const std::string& name, std::size_t number,
                                                            const index_page& page) const;
  [[nodiscard]] gateway_response refuse(const download_error& error, const std::string& subject);
  void note(std::string rule, std::string evidence);

  registry& upstream_;
  download_budget& budget_;
  const gateway_options options_;
  mutable std::mutex mutex_;
  std::size_t requests_ = 0;
  std::map<std::string, std::size_t> numbers_;  // normalised name: index into projects_
  std::vector<std::shared_ptr<const project>> projects_;
  std::map<std::string, wanted_blob> paid_;  // by URL: what was handed out, pinned, and has been counted
  gateway_record record_;
};

}  // namespace lazaret::download
