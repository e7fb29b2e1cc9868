#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "http/refusal.hpp"
#include "http/routes.hpp"
#include "http/validate.hpp"

namespace lazaret::http {
namespace {

namespace json = boost::json;

json::value to_json(const actors::stage_status& stage) {
  return {{"name", stage.name},
          {"queue_depth", stage.queue_depth},
          {"in_flight", stage.in_flight},
          {"concurrency", stage.concurrency},
          {"queue_limit", stage.queue_limit},
          {"healthy", stage.healthy},
          {"here", stage.here}};
}

}  // namespace

void list_stages(const site& s, const request&, respond answer) {
  s.pipeline.stages([&s, answer = std::move(answer)](actors::answer<std::vector<actors::stage_status>> given) {
    if (auto refusal = std::get_if<actors::refusal>(&given)) return answer(refused(s, *refusal));
    json::array stages;
    for (const auto& stage : std::get<0>(given)) stages.push_back(to_json(stage));
    answer({.body = json::serialize(json::object{{"stages", std::move(stages)}})});
  });
}

void change_stage(const site& s, const request& r, respond answer) {
  const auto& known = metrics::stages;
  if (std::find(known.begin(), known.end(), r.argument) == known.end()) return answer(failed(404, "no such stage"));
  auto read = read_stage_change(r.body);
  if (auto wrong = std::get_if<complaint>(&read)) return answer(failed(422, wrong->detail));
  s.pipeline.change_stage(std::string{r.argument}, std::get<actors::stage_change>(read),
                          [&s, answer = std::move(answer)](actors::answer<actors::stage_status> given) {
                            if (auto refusal = std::get_if<actors::refusal>(&given))
                              return answer(refused(s, *refusal));
                            answer({.body = json::serialize(to_json(std::get<actors::stage_status>(given)))});
                          });
}

}  // namespace lazaret::http
