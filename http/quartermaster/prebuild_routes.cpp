// POST /prebuild, GET /prebuilds, GET and DELETE /prebuilds/{tag}, POST /prebuilds/cleanup.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <ctime>

#include "http/quartermaster/build.hpp"
#include "http/quartermaster/routes.hpp"
#include "http/validate.hpp"

namespace lazaret::http::quartermaster {
namespace {

namespace json = boost::json;

/// RFC 3339, in UTC.
std::string shown_time(prebuild::wall_clock::time_point time) {
  const auto seconds = prebuild::wall_clock::to_time_t(time);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

json::object details(const prebuild::prebuild& one) {
  return {{"tag", full_tag(one.tag)},
          {"size_bytes", one.size},
          {"created", shown_time(one.created)},
          {"labels", {{"base_image", "code-runner-" + one.runtime}, {"layer", "sha256:" + one.digest}}}};
}

response absent(std::string_view tag) {
  return failed(404, "Prebuilt image '" + full_tag(shown(tag)) + "' not found.");
}

response ready(const prebuild::prebuild& one) {
  return {.body = json::serialize(json::object{{"tag", full_tag(one.tag)},
                                               {"base_image", "code-runner-" + one.runtime},
                                               {"size_bytes", one.size},
                                               {"layer_size_bytes", one.size},
                                               {"status", "ready"}})};
}

response problem(const build_problem& why) {
  switch (why.what) {
    case build_problem::kind::script:
      return failed(400, "Build failed: " + why.text);
    case build_problem::kind::not_here:
      return failed(404, why.text);
    case build_problem::kind::unavailable:
      break;
  }
  auto answer = failed(503, why.text);
  if (why.retry_after > 0) answer.headers.emplace_back("Retry-After", std::to_string(why.retry_after));
  return answer;
}

}  // namespace

void prebuild_now(const site& s, const request& r, respond answer) {
  auto read = read_prebuild(r.body, r.content_type);
  if (auto* wrong = std::get_if<response>(&read)) return answer(std::move(*wrong));
  build(s, std::move(std::get<prebuild_request>(read)), claimant_of(r), r.left,
        [answer = std::move(answer)](built what) {
          if (const auto* why = std::get_if<build_problem>(&what)) return answer(problem(*why));
          answer(ready(std::get<prebuild::prebuild>(what)));
        });
}

response list_prebuilds(const site& s, const request&) {
  json::array all;
  if (const auto* shelf = s.pipeline.prebuilds())
    for (const auto& one : shelf->all()) all.push_back(details(one));
  return {.body = json::serialize(json::object{{"prebuilds", std::move(all)}})};
}

response show_prebuild(const site& s, const request& r) {
  const auto* shelf = s.pipeline.prebuilds();
  const auto tag = bare_tag(r.argument);
  const auto found = shelf == nullptr ? std::nullopt : shelf->find(tag);
  return found ? response{.body = json::serialize(details(*found))} : absent(tag);
}

response delete_prebuild(const site& s, const request& r) {
  auto* shelf = s.pipeline.prebuilds();
  const auto tag = bare_tag(r.argument);
  if (shelf == nullptr || !shelf->remove(tag)) return absent(tag);
  return {.body = json::serialize(json::object{{"status", "deleted"}, {"tag", full_tag(tag)}})};
}

response clean_up_prebuilds(const site& s, const request& r) {
  const auto age = read_age(r.query);
  if (const auto* wrong = std::get_if<response>(&age)) return *wrong;
  json::array removed;
  if (auto* shelf = s.pipeline.prebuilds())
    for (const auto& tag : shelf->clean_up(std::get<std::chrono::hours>(age))) removed.emplace_back(full_tag(tag));
  const auto count = removed.size();
  return {.body = json::serialize(json::object{{"removed", std::move(removed)}, {"count", count}})};
}

}  // namespace lazaret::http::quartermaster
