#pragma once
/// The batch stage's work for this front end: one attempt at one execution that was accepted before.

#include <functional>
#include <memory>
#include <stop_token>

#include "actors/batch/job.hpp"
#include "actors/interactive/execution.hpp"
#include "http/config.hpp"
#include "sandbox/runtimes/installed.hpp"

namespace lazaret::http {

/// As the stage `interactive` does it; null when no jail could be made.
using perform_execution =
    std::function<std::shared_ptr<actors::execution_answer>(const actors::execution_request&, std::stop_token)>;

/// The body is read again when its turn comes: the settings of then hold, and a runtime may be gone. What could not be
/// run fails in the words of the synchronous form. The answer is on disk before anybody hears that there is one.
[[nodiscard]] batch::work_function execution_work(config settings,
                                                  std::shared_ptr<const sandbox::installed_runtimes> runtimes,
                                                  perform_execution perform,
                                                  std::function<void(const sandbox::failure&)> failed);

}  // namespace lazaret::http
