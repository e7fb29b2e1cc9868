#include "http/quartermaster/routes.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>

#include "http/gate.hpp"
#include "http/quartermaster/answer.hpp"
#include "http/quartermaster/body.hpp"
#include "http/quartermaster/build.hpp"
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
  auto trouble = known.layers.empty() ? s.pipeline.not_ready_because() : known.trouble;
  if (!s.settings.works_at("interactive")) trouble = row(actors::fault::not_here).detail;
  json::object body{{"status", trouble.empty() ? "ok" : "degraded"},
                    {"docker_connected", trouble.empty()},
                    {"auth_enabled", keys_of(s.settings).has_keys()}};
  if (!trouble.empty()) body["detail"] = trouble;
  return {.body = json::serialize(body)};
}

response not_found(std::string_view image, const std::string& why) {
  return failed(404, "Image '" + shown(image) + "' not found" + (why.empty() ? "." : ": " + why));
}

/// Where the name leads at the moment; a response when nowhere.
std::variant<image, response> resolve(const site& s, std::string_view name) {
  image found{.runtime = sandbox::find_runtime(name), .tree = nullptr};
  const auto* shelf = s.pipeline.prebuilds();
  if (found.runtime == nullptr && shelf != nullptr) {
    if (const auto built = shelf->find(bare_tag(name)))
      found = {.runtime = sandbox::find_runtime(built->runtime), .tree = built->tree};
  }
  if (found.runtime == nullptr) return not_found(name, {});
  if (!s.runtimes.has(*found.runtime)) return not_found(name, s.runtimes.what_is_missing(*found.runtime));
  return found;
}

/// One request for a run, for as long as it takes.
struct errand {
  const site& s;
  run_request asked;
  actors::claimant client;
  std::stop_token left;
  respond answer;

  void refuse(response why) const {
    s.metrics.submission("quartermaster", "invalid");
    answer(std::move(why));
  }
};

void start(const std::shared_ptr<errand>& whose, const image& from) {
  const auto& s = whose->s;
  std::vector<std::string> paths;
  for (const auto& file : whose->asked.files) paths.push_back(file.path);
  auto names = std::move(whose->asked.names);
  auto what = std::make_shared<const actors::execution_request>(
      make_execution(std::move(whose->asked), from, s.runtimes, s.settings));
  s.pipeline.execute(std::move(what), whose->client, whose->left,
                     [&s, answer = whose->answer, names = std::move(names),
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

/// What the recipe says is built first, under the image's name.
void build_and_start(const std::shared_ptr<errand>& whose) {
  const auto& asked = whose->asked;
  complaints wrong;
  if (!prebuild::is_tag(bare_tag(asked.image)))
    wrong.add("value_error", {"image"}, "Value error, not a prebuild's tag", json::string{shown(asked.image)});
  if (sandbox::find_runtime(asked.prebuild->base_image) == nullptr)
    wrong.add("value_error", {"prebuild_spec", "base_image"}, "Value error, Unsupported base image",
              json::string{shown(asked.prebuild->base_image)});
  if (asked.prebuild->setup_script.size() > longest_script ||
      asked.prebuild->setup_script.find('\0') != std::string::npos)
    wrong.add("value_error", {"prebuild_spec", "setup_script"}, "Value error, too long, or with NUL", nullptr);
  if (!wrong.empty()) return whose->refuse(wrong.answer());
  build(whose->s, {std::string{bare_tag(asked.image)}, *asked.prebuild}, whose->client, whose->left,
        [whose](built what) {
          if (const auto* done = std::get_if<prebuild::prebuild>(&what))
            return start(whose, {sandbox::find_runtime(done->runtime), done->tree});
          const auto& why = std::get<build_problem>(what);
          auto answer = failed(
              503, "Prebuilt image '" + full_tag(bare_tag(whose->asked.image)) + "' could not be rebuilt: " + why.text);
          if (why.retry_after > 0) answer.headers.emplace_back("Retry-After", std::to_string(why.retry_after));
          whose->refuse(std::move(answer));
        });
}

}  // namespace

void run(const site& s, const request& r, respond answer) {
  auto whose = std::make_shared<errand>(errand{s, {}, claimant_of(r), r.left, std::move(answer)});
  auto read = read_run(r.body, r.content_type, s.settings);
  if (auto* wrong = std::get_if<response>(&read)) return whose->refuse(std::move(*wrong));
  whose->asked = std::move(std::get<run_request>(read));
  auto found = resolve(s, whose->asked.image);
  if (const auto* from = std::get_if<image>(&found)) return start(whose, *from);
  if (whose->asked.prebuild && sandbox::find_runtime(whose->asked.image) == nullptr) return build_and_start(whose);
  whose->refuse(std::move(std::get<response>(found)));
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
  static const std::array table{
      route{"GET", "/", access::open, operational, "a sign of life", &fastapi},
      route{"GET", "/health", access::open, health, "can programs be run?", &fastapi},
      route{"POST", "/run", access::key_or_reach, executing{run}, "run code as quartermaster's code runner does",
            &fastapi},
      route{"GET", "/images", access::open, reading{images}, "the runtimes", &fastapi},
      route{"GET", "/runtimes", access::open, reading{images}, "the runtimes", &fastapi},
      route{"POST", "/prebuild", access::key_or_reach, executing{prebuild_now},
            "make an image with what a script installs", &fastapi},
      route{"GET", "/prebuilds", access::open, reading{list_prebuilds}, "the images that were made", &fastapi},
      route{"POST", "/prebuilds/cleanup", access::key_or_reach, reading{clean_up_prebuilds}, "remove old ones",
            &fastapi},
      route{"GET", "/prebuilds/{tag}", access::open, reading{show_prebuild}, "one of them", &fastapi},
      route{"DELETE", "/prebuilds/{tag}", access::key_or_reach, reading{delete_prebuild}, "remove one", &fastapi}};
  return table;
}

}  // namespace lazaret::http::quartermaster
