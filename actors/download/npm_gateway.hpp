#pragma once
/// npm's registry as one jail sees it: npm's only way out. Pure logic, one object per jail; thread-safe.
///
/// It answers GET and HEAD of /npm/NAME, the packument with links to itself, and of /npm/-/files/N/VERSION.tgz, the
/// tarballs that such a packument named; nothing else. Documents are not kept: npm does that itself. Who asks is
/// hostile, and so may be what the registry says.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/download/gateway.hpp"
#include "actors/download/npm_registry.hpp"

namespace lazaret::download {

struct npm_gateway_options {
  std::string own_address;  ///< by which the jail reaches us: `http://127.0.0.1:3141`
  std::vector<std::string> denylist;
  std::size_t most_requests = 20'000;
  std::size_t most_packages = 4'000;
  std::size_t longest_target = 1'024;
};

class npm_gateway {
 public:
  /// Both must outlive it. `budget` is the jail's, shared with whatever else it downloads.
  npm_gateway(npm_registry& upstream, download_budget& budget, npm_gateway_options options);
  ~npm_gateway();

  static constexpr std::string_view prefix = "/npm/";
  [[nodiscard]] static bool is_for(std::string_view target) noexcept { return target.starts_with(prefix); }

  /// May block for as long as a download takes; ends soon after a stop request.
  [[nodiscard]] gateway_response answer(const gateway_request& request, std::stop_token stop);

 private:
  /// By version, where it really is; empty: outside of the registry.
  using tarballs = std::map<std::string, std::string, std::less<>>;
  [[nodiscard]] gateway_response answer_package(const std::string& name, const std::stop_token& stop);
  [[nodiscard]] gateway_response answer_file(std::string_view rest, const std::stop_token& stop);
  [[nodiscard]] std::optional<std::string> rewrite(const std::string& text, std::size_t number, tarballs& found) const;
  /// By which its files are asked for; nothing when there are too many.
  [[nodiscard]] std::optional<std::size_t> number_of(const std::string& name);

  npm_registry& upstream_;
  download_budget& budget_;
  const npm_gateway_options options_;
  std::mutex mutex_;
  std::size_t requests_ = 0;
  std::map<std::string, std::size_t> numbers_;             // by name: index into packages_
  std::vector<std::shared_ptr<const tarballs>> packages_;  // null while its document is on its way
};

}  // namespace lazaret::download
