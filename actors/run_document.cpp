#include "actors/run_document.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "actors/json.hpp"
#include "actors/names.hpp"

namespace lazaret::actors {
namespace {

namespace json = boost::json;
using std::chrono::system_clock;

json::value micros(const std::optional<system_clock::time_point>& t) {
  if (!t) return nullptr;
  return std::chrono::duration_cast<std::chrono::microseconds>(t->time_since_epoch()).count();
}
template <class T>
json::value part(const std::optional<T>& value) {
  return value ? to_json(*value) : json::value{nullptr};
}

std::optional<system_clock::time_point> time_of(const json::object& body, std::string_view field) {
  const auto* const value = body.if_contains(field);
  if (value == nullptr || !value->is_int64()) return {};
  return system_clock::time_point{std::chrono::microseconds{value->get_int64()}};
}
std::string text_of(const json::object& body, std::string_view field) {
  const auto* const value = body.if_contains(field);
  return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
}
template <class T>
std::optional<T> part_of(const json::object& body, std::string_view field) {
  const auto* const value = body.if_contains(field);
  return value == nullptr || value->is_null() ? std::nullopt : from_json<T>(*value);
}

}  // namespace

durable::document to_document(const run& r) {
  json::array stages;
  for (const auto& timing : r.stages) stages.push_back(to_json(timing));
  const json::object body{{"run_id", r.run_id},
                          {"status", name(r.status)},
                          {"created_at", micros(r.created_at)},
                          {"started_at", micros(r.started_at)},
                          {"finished_at", micros(r.finished_at)},
                          {"submission", to_json(r.asked)},
                          {"stages", std::move(stages)},
                          {"download", part(r.download)},
                          {"execution", part(r.execution)},
                          {"analysis", part(r.analysis)},
                          {"error", valid_utf8(r.error)},
                          {"delivery", name(r.delivery)},
                          {"delivery_error", valid_utf8(r.delivery_error)},
                          {"reused_from", r.reused_from},
                          {"report_folder", r.report_folder}};
  durable::document d;
  d.body = json::serialize(body);
  d.facets = {{"status", std::string{name(r.status)}}, {"package", normalise_name(r.asked.package_name)}};
  if (r.analysis) d.facets.emplace("verdict", name(r.analysis->verdict));
  d.ended_at = r.finished_at;
  return d;
}

std::optional<run> to_run(const std::string& body) {
  json::parse_options lenient;
  lenient.allow_invalid_utf8 = true;  // an error's text that was written before bytes were replaced
  boost::system::error_code bad;
  const auto parsed = json::parse(body, bad, {}, lenient);
  if (bad || !parsed.is_object()) return {};
  const auto& o = parsed.get_object();
  run r;
  r.run_id = text_of(o, "run_id");
  if (r.run_id.empty()) return {};
  r.status = parse<status>(text_of(o, "status")).value_or(status::failed);
  r.created_at = time_of(o, "created_at").value_or(system_clock::time_point{});
  r.started_at = time_of(o, "started_at");
  r.finished_at = time_of(o, "finished_at");
  r.asked = part_of<submission>(o, "submission").value_or(submission{});
  if (const auto* stages = o.if_contains("stages"); stages != nullptr && stages->is_array()) {
    for (const auto& stage : stages->get_array()) {
      if (auto timing = from_json<stage_timing>(stage)) r.stages.push_back(std::move(*timing));
    }
  }
  r.download = part_of<download_result>(o, "download");
  r.execution = part_of<execution_result>(o, "execution");
  r.analysis = part_of<analysis_result>(o, "analysis");
  r.error = text_of(o, "error");
  r.delivery = parse<delivery_status>(text_of(o, "delivery")).value_or(delivery_status::none);
  r.delivery_error = text_of(o, "delivery_error");
  r.reused_from = text_of(o, "reused_from");
  if (r.reused_from.find_first_of("/.") != std::string::npos) return {};  // tampered with: it names a folder
  r.report_folder = text_of(o, "report_folder");
  if (r.report_folder.find('/') != std::string::npos || r.report_folder.starts_with('.')) return {};  // tampered with
  return r;
}

}  // namespace lazaret::actors
