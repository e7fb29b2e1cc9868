#include "http/quartermaster/routes.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "http/gate.hpp"
#include "http/quartermaster/answer.hpp"
#include "http/quartermaster/body.hpp"
#include "http/quartermaster/jail.hpp"
#include "http/refusal.hpp"
#include "http/validate.hpp"

namespace lazaret::http::quartermaster {
namespace {

namespace json = boost::json;

/// Rendering more than this is not for a thread that others wait for.
constexpr std::size_t large = 256 << 10;

std::string image_name(const sandbox::runtime& one) { return "code-runner-" + std::string{one.name}; }

response operational(const site&, const request&) { return {.body = R"({"message":"Code Runner is operational."})"}; }

/// Always 200: the original's clients read the body.
response health(const site& s, const request&) {
  const auto known = s.pipeline.layers();
  const auto trouble = known.layers.empty() ? s.pipeline.not_ready_because() : known.trouble;
  json::object body{{"status", trouble.empty() ? "ok" : "degraded"},
                    {"docker_connected", trouble.empty()},
                    {"auth_enabled", keys_of(s.settings).has_keys()}};
  if (!trouble.empty()) body["detail"] = trouble;
  return {.body = json::serialize(body)};
}

}  // namespace

void run(const site& s, const request& r, respond answer) {
  const auto refuse = [&](response why) {
    s.metrics.submission("quartermaster", "invalid");
    answer(std::move(why));
  };
  auto read = read_run(r.body, r.content_type, s.settings);
  if (auto* wrong = std::get_if<response>(&read)) return refuse(std::move(*wrong));
  auto& asked = std::get<run_request>(read);

  const auto* which = sandbox::find_runtime(asked.image);
  if (which == nullptr || !s.runtimes.has(*which))
    return refuse(failed(404, "Image '" + std::string{shown(asked.image)} + "' not found" +
                                  (which == nullptr ? "." : ": " + s.runtimes.what_is_missing(*which))));
  auto names = std::move(asked.names);
  std::vector<std::string> paths;
  for (const auto& file : asked.files) paths.push_back(file.path);
  auto what = std::make_shared<const actors::execution_request>(
      make_execution(std::move(asked), *which, s.runtimes, s.settings));
  s.pipeline.execute(std::move(what), std::string{r.client}, r.left,
                     [&s, answer = std::move(answer), names = std::move(names),
                      paths = std::move(paths)](actors::answer<std::shared_ptr<actors::execution_answer>> given) {
                       if (const auto* why = std::get_if<actors::refusal>(&given)) {
                         s.metrics.submission("quartermaster", row(why->why).outcome);
                         return answer(refused(s, *why));
                       }
                       const auto done = std::get<0>(given);
                       s.metrics.submission("quartermaster", done->misplaced ? "invalid" : "accepted");
                       if (done->out.size() + done->err.size() <= large) return answer(render(*done, names, paths));
                       s.aside([answer, done, names, paths] { answer(render(*done, names, paths)); });
                     });
}

response images(const site& s, const request&) {
  json::array all;
  for (const auto& one : sandbox::runtimes()) {
    const bool is_here = s.runtimes.has(one);
    json::object row{{"id", image_name(one)},           {"name", one.title},
                     {"description", one.description},  {"default_entrypoint", one.entry_point},
                     {"file_extension", one.extension}, {"main_file", one.main_file},
                     {"completions", json::array{}},    {"available", is_here}};
    if (is_here)
      row["version"] = s.runtimes.version(one);
    else
      row["install"] = one.install;
    all.push_back(std::move(row));
  }
  return {.body = json::serialize(
              json::object{{"images", std::move(all)}, {"default", image_name(sandbox::runtimes().front())}})};
}

std::span<const route> own_port() noexcept {
  static const std::array table{route{"GET", "/", access::open, operational, "a sign of life", &fastapi},
                                route{"GET", "/health", access::open, health, "can programs be run?", &fastapi},
                                route{"POST", "/run", access::key_or_reach, executing{run},
                                      "run code as quartermaster's code runner does", &fastapi},
                                route{"GET", "/images", access::open, reading{images}, "the runtimes", &fastapi},
                                route{"GET", "/runtimes", access::open, reading{images}, "the runtimes", &fastapi}};
  return table;
}

}  // namespace lazaret::http::quartermaster
