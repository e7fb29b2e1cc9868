#include "http/snekbox/routes.hpp"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "actors/json.hpp"
#include "http/refusal.hpp"
#include "http/snekbox/answer.hpp"
#include "http/snekbox/body.hpp"
#include "http/snekbox/jail.hpp"

namespace lazaret::http::snekbox {
namespace {

namespace json = boost::json;

/// Rendering more than this is not for a thread that others wait for.
constexpr std::size_t large = 256 << 10;

response problem(unsigned status, std::string_view title, std::string_view description) {
  json::object body{{"title", actors::valid_utf8(title)}};
  if (!description.empty()) body["description"] = actors::valid_utf8(description);
  return {.status = status, .body = json::serialize(body)};
}

std::string status_line(unsigned status) { return std::to_string(status) + " " + std::string{reason_phrase(status)}; }

/// No type at all counts as JSON; a form, which curl's -d sends unasked, does not.
bool is_json(std::string_view content_type) {
  auto essence = content_type.substr(0, content_type.find(';'));
  while (!essence.empty() && essence.back() == ' ') essence.remove_suffix(1);
  constexpr std::string_view wanted = "application/json";
  return essence.empty() ||
         std::ranges::equal(essence, wanted, [](char a, char b) { return (a | 0x20) == (b | 0x20); });
}

response refusal(const actors::refusal& why) {
  const auto& face = row(why.why);
  auto answer = fail(face.status, face.detail);
  if (face.retry_after > 0) answer.headers.emplace_back("Retry-After", std::to_string(face.retry_after));
  return answer;
}

}  // namespace

response fail(unsigned status, std::string_view detail) {
  return problem(status, status_line(status), status == 404 || status == 405 ? std::string_view{} : detail);
}

void eval(const site& s, const request& r, respond answer) {
  const auto refuse = [&](response why) {
    s.metrics.submission("snekbox", "invalid");
    answer(std::move(why));
  };
  if (!is_json(r.content_type))
    return refuse(problem(415, status_line(415), std::string{r.content_type} + " is an unsupported media type."));
  auto read = read_eval(r.body);
  if (const auto* wrong = std::get_if<eval_problem>(&read))
    return refuse(problem(400, wrong->title, wrong->description));
  auto& asked = std::get<eval_request>(read);
  if (!asked.executable.empty() && asked.executable != s.settings.snekbox_executable)
    if (const auto wrong = check_executable(asked.executable, s.settings); !wrong.empty())
      return refuse(problem(400, wrong, {}));
  if (std::ranges::any_of(asked.arguments, [](const auto& a) { return a.find('\0') != a.npos; }))
    return refuse(no_result("ValueError: embedded null byte"));

  auto names = std::move(asked.names);
  std::vector<std::string> paths;
  for (const auto& file : asked.files) paths.push_back(file.path);
  auto what = std::make_shared<const actors::execution_request>(make_execution(std::move(asked), s.settings));
  if (is_too_long(*what)) return refuse(no_result("OSError: Argument list too long"));
  s.pipeline.execute(std::move(what), claimant_of(r), r.left,
                     [&s, answer = std::move(answer), names = std::move(names),
                      paths = std::move(paths)](actors::answer<std::shared_ptr<actors::execution_answer>> given) {
                       if (const auto* why = std::get_if<actors::refusal>(&given)) {
                         s.metrics.submission("snekbox", row(why->why).outcome);
                         return answer(refusal(*why));
                       }
                       s.metrics.submission("snekbox", "accepted");
                       const auto done = std::get<0>(given);
                       std::size_t size = done->out.size();
                       for (const auto& file : done->left.files) size += file.content.size();
                       if (size <= large) return answer(render(*done, names, paths));
                       s.aside([answer, done, names, paths] { answer(render(*done, names, paths)); });
                     });
}

std::span<const route> own_port() noexcept {
  static const std::array table{
      route{"POST", "/eval", access::reach, executing{eval}, "run code as snekbox does", &falcon}};
  return table;
}

}  // namespace lazaret::http::snekbox
