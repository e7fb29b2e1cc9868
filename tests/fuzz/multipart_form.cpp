// A form of the front end `jobs`: its head's Content-Type, its multipart body, its spec.
#include <boost/json/serialize.hpp>

#include "actors/json.hpp"
#include "http/byte_range.hpp"
#include "http/jobs/log_stream.hpp"
#include "http/jobs/multipart.hpp"
#include "http/jobs/spec.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace lazaret;
using namespace lazaret::http;

namespace {

void check(const std::vector<jobs::part>& parts, std::string_view boundary, std::string_view body) {
  const std::string delimiter = "\r\n--" + std::string{boundary};
  for (const auto& one : parts) {
    if (one.content.empty()) continue;
    fuzz::must(
        one.content.data() >= body.data() && one.content.data() + one.content.size() <= body.data() + body.size(),
        "a part lies within the body");
    fuzz::must(one.content.find(delimiter) == one.content.npos, "a part ends at the first boundary");
  }
}

void check(const jobs::job_request& asked) {
  for (const auto& file : asked.files) {
    fuzz::must(!file.name.empty() && file.name != "." && file.name != ".." && file.name.size() <= 255,
               "a file has a name");
    fuzz::must(file.name.find('/') == file.name.npos && file.name.find('\0') == file.name.npos, "and it is no path");
    fuzz::must(actors::valid_utf8(file.name) == file.name, "a name is UTF-8");
  }
  const auto again = jobs::read_spec(jobs::to_json(asked.spec));
  fuzz::must(std::holds_alternative<jobs::job_spec>(again), "a spec that was kept can be read");
}

}  // namespace

/// The first line is the Content-Type, the rest the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  const auto line = std::min(text.find('\n'), text.size());
  const auto type = text.substr(0, line), body = text.substr(std::min(line + 1, text.size()));
  if (const auto boundary = jobs::form_boundary(type); boundary && !boundary->empty())
    if (const auto read = jobs::read_multipart(*boundary, body); const auto* parts = std::get_if<0>(&read))
      check(*parts, *boundary, body);
  const auto read = jobs::read_request({.content_type = type, .body = body});
  if (const auto* asked = std::get_if<jobs::job_request>(&read)) {
    check(*asked);
  } else {
    const auto& refused = std::get<response>(read);
    fuzz::must(refused.status == 400 || refused.status == 422, "a refusal is 400 or 422");
    fuzz::must(actors::valid_utf8(refused.body) == refused.body, "and UTF-8");
  }
  const auto range = read_range(type, body.size());
  if (range.what == byte_range::kind::some)
    fuzz::must(range.count > 0 && range.first < body.size() && range.count <= body.size() - range.first,
               "a range lies within");
  return 0;
}
