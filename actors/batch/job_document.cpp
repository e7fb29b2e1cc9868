#include "actors/batch/job_document.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace lazaret::batch {
namespace {

namespace json = boost::json;

json::value micros(const std::optional<job::time>& t) {
  if (!t) return nullptr;
  return std::chrono::duration_cast<std::chrono::microseconds>(t->time_since_epoch()).count();
}

json::array to_json(const std::vector<kept_file>& files) {
  json::array list;
  for (const auto& file : files) list.push_back({file.role, file.name, file.offset, file.size});
  return list;
}

std::optional<job::time> time_of(const json::object& body, std::string_view field) {
  const auto* const value = body.if_contains(field);
  if (value == nullptr || !value->is_int64()) return {};
  return job::time{std::chrono::microseconds{value->get_int64()}};
}

std::string text_of(const json::object& body, std::string_view field) {
  const auto* const value = body.if_contains(field);
  return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
}

template <class Number>
std::optional<Number> number_of(const json::object& body, std::string_view field) {
  const auto* const value = body.if_contains(field);
  if (value == nullptr || !value->is_number()) return {};
  boost::system::error_code bad;
  const auto number = value->to_number<Number>(bad);
  return bad ? std::nullopt : std::optional{number};
}

/// Nothing for what to_json() didn't write.
std::vector<kept_file> files_of(const json::object& body, std::string_view field) {
  const auto* const list = body.if_contains(field);
  if (list == nullptr || !list->is_array()) return {};
  std::vector<kept_file> files;
  for (const auto& item : list->get_array()) {
    const auto* row = item.if_array();
    if (row == nullptr || row->size() != 4) return {};
    const auto *role = (*row)[0].if_string(), *name = (*row)[1].if_string();
    boost::system::error_code no_offset, no_size;
    const auto offset = (*row)[2].to_number<std::uint64_t>(no_offset),
               size = (*row)[3].to_number<std::uint64_t>(no_size);
    if (role == nullptr || name == nullptr || no_offset || no_size) return {};
    files.push_back({{role->data(), role->size()}, {name->data(), name->size()}, offset, size});
  }
  return files;
}

}  // namespace

durable::document to_document(const job& j) {
  const json::object body{{"id", j.id},
                          {"front", j.front},
                          {"owner", j.owner},
                          {"spec", j.spec},
                          {"input", to_json(j.input)},
                          {"status", name(j.status)},
                          {"attempt", j.attempt},
                          {"created_at", micros(j.created_at)},
                          {"started_at", micros(j.started_at)},
                          {"finished_at", micros(j.finished_at)},
                          {"exit_code", j.exit_code ? json::value(*j.exit_code) : json::value(nullptr)},
                          {"error", j.error},
                          {"artifacts", to_json(j.artifacts)},
                          {"log_lines", j.log_lines}};
  return {json::serialize(body), {}, j.finished_at};
}

std::optional<job> to_job(const std::string& body) {
  json::parse_options lenient;
  lenient.allow_invalid_utf8 = true;  // an address or a name that an earlier version kept as it came
  boost::system::error_code bad;
  const auto parsed = json::parse(body, bad, {}, lenient);
  if (bad || !parsed.is_object()) return {};
  const auto& o = parsed.get_object();
  job j;
  j.id = text_of(o, "id");
  if (j.id.empty()) return {};
  j.front = text_of(o, "front");
  j.owner = text_of(o, "owner");
  j.spec = text_of(o, "spec");
  j.input = files_of(o, "input");
  j.status = parse_status(text_of(o, "status")).value_or(status::failed);
  j.attempt = number_of<int>(o, "attempt").value_or(0);
  j.created_at = time_of(o, "created_at").value_or(job::time{});
  j.started_at = time_of(o, "started_at");
  j.finished_at = time_of(o, "finished_at");
  j.exit_code = number_of<int>(o, "exit_code");
  j.error = text_of(o, "error");
  j.artifacts = files_of(o, "artifacts");
  j.log_lines = number_of<std::uint64_t>(o, "log_lines").value_or(0);
  return j;
}

}  // namespace lazaret::batch
