#include "http/execute/attempt.hpp"

#include <fcntl.h>

#include <boost/json/serialize.hpp>

#include "actors/batch/folder.hpp"
#include "actors/cpu_shares.hpp"
#include "actors/fault_point.hpp"
#include "http/execute/answer.hpp"
#include "http/execute/body.hpp"
#include "http/execute/executions.hpp"
#include "http/json_body.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::http {
namespace {

using sandbox::os_failure;
using sandbox::result;

result<std::string> read_body(const batch::job& what, const batch::desk_place& place) {
  const sandbox::unique_fd file{::open(place.input.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file || what.input.empty()) return os_failure("read_body", "open " + place.input, "was BLOB_DIR changed?");
  return batch::read_piece(file.get(), what.input.front());
}

checked<actors::execution_request> read_again(std::string_view body, const config& settings,
                                              const sandbox::installed_runtimes& runtimes) {
  auto read = read_json_object(body);
  if (auto* wrong = std::get_if<complaint>(&read)) return std::move(*wrong);
  auto& object = std::get<boost::json::object>(read);
  if (auto manner = take_manner(object, {}); auto* wrong = std::get_if<complaint>(&manner)) return std::move(*wrong);
  return read_execution(object, settings, runtimes);
}

/// What the request asked for can't be had: its own fault, which is remembered with the status that says so. No bytes.
batch::verdict refusal(refusal_text why) {
  return {.error = std::move(why.detail), .artifacts = {{std::string{refusal_role}, std::to_string(why.status), 0, 0}}};
}

}  // namespace

batch::work_function execution_work(config settings, std::shared_ptr<const sandbox::installed_runtimes> runtimes,
                                    perform_execution perform, std::function<void(const sandbox::failure&)> failed) {
  return [settings = std::make_shared<const config>(std::move(settings)), runtimes = std::move(runtimes),
          perform = std::move(perform),
          failed = std::move(failed)](const batch::job& what, const batch::desk_place& place,
                                      std::stop_token stop) -> std::optional<batch::verdict> {
    auto body = read_body(what, place);
    if (!body) return failed(body.error()), std::nullopt;
    auto read = read_again(*body, *settings, *runtimes);
    std::string{}.swap(*body);
    if (auto* wrong = std::get_if<complaint>(&read)) return refusal({wrong->status, std::move(wrong->detail)});
    auto& request = std::get<actors::execution_request>(read);
    request.rules.limits.cpu_shares = actors::batch_cpu_shares;  // those who wait for their answer come first
    if (request.compile) request.compile->rules.limits.cpu_shares = actors::batch_cpu_shares;
    const auto done = perform(request, std::move(stop));
    if (!done) return std::nullopt;
    if (!has_run(*done)) return refusal(describe_refusal(*done, own_paths(request)));
    LAZARET_FAULT_POINT("answer.ran");
    const auto text = boost::json::serialize(describe_execution(*done));
    if (auto kept = batch::write_whole(place.artifacts, text); !kept) {  // it ran: it is not run again for this
      failed(kept.error());
      return batch::verdict{.error = "its answer could not be kept"};
    }
    LAZARET_FAULT_POINT("answer.kept");
    return batch::verdict{.status = batch::status::succeeded, .artifacts = {{"", "answer", 0, text.size()}}};
  };
}

}  // namespace lazaret::http
