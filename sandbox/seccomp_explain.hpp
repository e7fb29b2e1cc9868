#pragma once
/// The system-call filter for people: the same table that the filter is made from, as text.

#include <string>
#include <vector>

namespace lazaret::sandbox {

struct explained_calls {
  std::string why;
  std::string
      answer;  ///< `allowed`, `allowed for some arguments`, `succeeds, does nothing`, `ENOSYS`, `EPERM`, `killed`
  std::vector<std::string> calls;  ///< of this architecture
};

/// In the order of the table; then the calls whose arguments are looked at. What is in no group gets ENOSYS.
[[nodiscard]] std::vector<explained_calls> explain_calls();

}  // namespace lazaret::sandbox
