#include "actors/json.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <concepts>
#include <type_traits>

namespace lazaret::actors {
namespace {

namespace json = boost::json;
using clock = std::chrono::system_clock;

template <class T, class U>
concept either = std::same_as<std::remove_const_t<T>, U>;

// One list of fields per struct serves both directions, so that what is written can be read.
// `f(key, member)` is a field; `f.pairs(key, member, first, second)` a list of two-field objects.
void fields(auto& f, either<submission> auto& s) {
  f("frontend", s.frontend), f("client", s.client), f("ecosystem", s.ecosystem);
  f("package_name", s.package_name), f("version", s.version), f("mode", s.mode);
  f("file_path", s.file_path), f("entrypoint", s.entrypoint), f("module_name", s.module_name);
  f.later("priority", s.priority), f.later("force", s.force);
}
void fields(auto& f, either<note> auto& n) { f("rule", n.rule), f("evidence", n.evidence); }
void fields(auto& f, either<artefact> auto& a) {
  f("filename", a.filename), f("url", a.url), f("sha256", a.sha256), f("digest_from_index", a.digest_from_index);
  f("size", a.size), f("kind", a.kind), f("yanked", a.yanked), f("requires_python", a.requires_python);
}
void fields(auto& f, either<archive_listing> auto& l) {
  f("files", l.files), f("unpacked_bytes", l.unpacked_bytes), f("modules", l.modules);
  f.pairs("entry_points", l.entry_points, "name", "target");
  f("pth_files", l.pth_files), f("metadata_name", l.metadata_name), f("metadata_version", l.metadata_version);
}
void fields(auto& f, either<download_result> auto& r) {
  f("artefact", r.artefact), f("listing", r.listing), f("notes", r.notes);
  f("unpackable", r.unpackable), f("error", r.error);
}
void fields(auto& f, either<sandbox::outcome> auto& o) {
  f("reason", o.reason), f("code", o.code), f("signal", o.signal), f("syscall", o.syscall);
  f("pids_exhausted", o.pids_exhausted), f("memory_killed", o.memory_killed), f("wall_seconds", o.wall);
  f("cpu_seconds", o.cpu), f("peak_memory_bytes", o.peak_memory), f("peak_pids", o.peak_pids);
  f.later("bytes_written", o.bytes_written), f.later("processes", o.processes);
}
void fields(auto& f, either<phase> auto& p) {
  f("name", p.name), f("prefix", p.prefix), f("outcome", p.outcome), f("ok", p.ok), f("timed_out", p.timed_out);
  f("summary", p.summary), f("stdout_bytes", p.stdout_bytes), f("stderr_bytes", p.stderr_bytes);
  f("output_truncated", p.output_truncated), f("stdout_file", p.stdout_file), f("stderr_file", p.stderr_file);
  f("audit_file", p.audit_file), f("observations_file", p.observations_file), f("audit_events", p.audit_events);
  f("audit_truncated", p.audit_truncated), f("uncovered", p.uncovered), f("watched", p.watched);
}
void fields(auto& f, either<dependency> auto& d) {
  f("filename", d.filename), f("sha256", d.sha256), f("size", d.size), f("from_cache", d.from_cache);
}
void fields(auto& f, either<execution_result> auto& r) {
  f("phases", r.phases), f("dependencies", r.dependencies), f("downloaded_bytes", r.downloaded_bytes);
  f("notes", r.notes), f("error", r.error);
}
void fields(auto& f, either<finding> auto& x) {
  f("rule", x.rule), f("severity", x.severity), f("title", x.title), f("evidence", x.evidence);
}
void fields(auto& f, either<highlights> auto& h) {
  f("files_written", h.files_written), f("files_read", h.files_read), f("network", h.network);
  f("subprocesses", h.subprocesses), f.pairs("top_events", h.top_events, "event", "count");
}
void fields(auto& f, either<analysis_result> auto& r) {
  f("verdict", r.verdict), f("score", r.score), f("findings", r.findings), f("highlights", r.highlights);
  f("uncovered", r.uncovered), f("summary", r.summary);
}
void fields(auto& f, either<stage_timing> auto& t) {
  f("stage", t.stage), f("outcome", t.outcome), f("started_at", t.started_at), f("finished_at", t.finished_at);
  f("attempts", t.attempts);
}

std::string_view word(sandbox::ending e) { return sandbox::name(e); }
template <class Enum>
std::string_view word(Enum e) {
  return name(e);
}

json::value written(const std::string& s) { return json::string(valid_utf8(s)); }
json::value written(bool b) { return b; }
json::value written(int n) { return n; }
json::value written(std::uint32_t n) { return n; }
json::value written(std::uint64_t n) { return n; }
json::value written(sandbox::bytes b) { return b.count; }
json::value written(std::chrono::nanoseconds d) { return static_cast<double>(d.count()) / 1e9; }
/// A moment that has not come yet is null.
json::value written(clock::time_point t) {
  return t == clock::time_point{} ? json::value(nullptr) : json::value(iso8601(t));
}
template <class T>
json::value written(const T& x);
template <class T>
json::value written(const std::optional<T>& x) {
  return x ? written(*x) : json::value(nullptr);
}
template <class T>
json::value written(const std::vector<T>& list) {
  json::array out;
  out.reserve(list.size());
  for (const auto& x : list) out.push_back(written(x));
  return out;
}

struct writer {
  json::object out;

  void operator()(std::string_view key, const auto& x) { out.emplace(key, written(x)); }
  void later(std::string_view key, const auto& x) { (*this)(key, x); }
  void pairs(std::string_view key, const auto& list, std::string_view first, std::string_view second) {
    json::array items;
    items.reserve(list.size());
    for (const auto& [a, b] : list) items.push_back(json::object{{first, written(a)}, {second, written(b)}});
    out.emplace(key, std::move(items));
  }
};

template <class T>
json::value written(const T& x) {
  if constexpr (std::is_enum_v<T>) {
    return json::string(word(x));
  } else {
    writer w;
    fields(w, x);
    return std::move(w.out);
  }
}

// Each `read` answers whether the value was of the right shape.
bool read(const json::value& v, std::string& out) {
  const auto* s = v.if_string();
  if (s) out.assign(s->data(), s->size());
  return s;
}
bool read(const json::value& v, bool& out) {
  const auto* b = v.if_bool();
  if (b) out = *b;
  return b;
}
template <std::integral Number>
bool read(const json::value& v, Number& out) {
  if (!v.is_int64() && !v.is_uint64()) return false;
  boost::system::error_code out_of_range;
  out = v.to_number<Number>(out_of_range);
  return !out_of_range;
}
bool read(const json::value& v, sandbox::bytes& out) { return read(v, out.count); }
bool read(const json::value& v, std::chrono::nanoseconds& out) {
  if (!v.is_number()) return false;
  const double seconds = v.to_number<double>();
  if (!(std::abs(seconds) < 9e9)) return false;  // what 64 bits of nanoseconds hold
  out = std::chrono::nanoseconds{std::llround(seconds * 1e9)};
  return true;
}
bool read(const json::value& v, clock::time_point& out) {
  if (v.is_null()) return out = {}, true;
  const auto* s = v.if_string();
  const auto t = s ? from_iso8601({s->data(), s->size()}) : std::nullopt;
  if (t) out = *t;
  return t.has_value();
}
bool read(const json::value& v, sandbox::ending& out) {
  using enum sandbox::ending;
  const auto* s = v.if_string();
  for (const auto e :
       {exited, signalled, wall_timeout, cpu_timeout, out_of_memory, output_limit, syscall_denied, canceled})
    if (s && std::string_view{s->data(), s->size()} == sandbox::name(e)) return out = e, true;
  return false;
}
template <class T>
bool read(const json::value& v, T& out);
template <class T>
bool read(const json::value& v, std::optional<T>& out) {
  return v.is_null() ? (out.reset(), true) : read(v, out.emplace());
}
template <class T>
bool read(const json::value& v, std::vector<T>& out) {
  const auto* list = v.if_array();
  return list &&
         std::all_of(list->begin(), list->end(), [&](const json::value& x) { return read(x, out.emplace_back()); });
}

struct reader {
  const json::object& in;
  bool ok = true;

  void operator()(std::string_view key, auto& x) {
    const auto* v = in.if_contains(key);
    ok = ok && v && read(*v, x);
  }
  /// A field that runs stored by earlier versions don't have.
  void later(std::string_view key, auto& x) {
    if (in.if_contains(key)) (*this)(key, x);
  }
  void pairs(std::string_view key, auto& list, std::string_view first, std::string_view second) {
    const auto* v = in.if_contains(key);
    const auto* items = v ? v->if_array() : nullptr;
    ok = ok && items;
    for (std::size_t i = 0; ok && i < items->size(); ++i) {
      const auto* item = (*items)[i].if_object();
      if (!(ok = item)) return;
      auto& [a, b] = list.emplace_back();
      reader inner{*item};
      inner(first, a), inner(second, b);
      ok = inner.ok;
    }
  }
};

template <class T>
bool read(const json::value& v, T& out) {
  if constexpr (std::is_enum_v<T>) {
    const auto* s = v.if_string();
    const auto e = s ? parse<T>(std::string_view{s->data(), s->size()}) : std::nullopt;
    if (e) out = *e;
    return e.has_value();
  } else {
    const auto* object = v.if_object();
    if (!object) return false;
    reader r{*object};
    fields(r, out);
    return r.ok;
  }
}

/// Time and traffic add up; of what was held at one time the peak counts.
json::object usage_of(const run& r) {
  std::chrono::nanoseconds wall{0}, cpu{0};
  sandbox::bytes memory;
  std::uint32_t pids = 0;
  std::uint64_t written_bytes = 0, processes = 0;
  std::uint64_t out = 0, err = 0, downloaded = r.download ? r.download->artefact.size : 0;
  if (r.execution && r.reused_from.empty()) {
    downloaded = std::max(downloaded, r.execution->downloaded_bytes);
    for (const auto& p : r.execution->phases) {
      wall += p.outcome.wall, cpu += p.outcome.cpu, out += p.stdout_bytes, err += p.stderr_bytes;
      written_bytes += p.outcome.bytes_written.count, processes += p.outcome.processes;
      memory = std::max(memory, p.outcome.peak_memory), pids = std::max(pids, p.outcome.peak_pids);
    }
  }
  return {{"wall_seconds", written(wall)},
          {"cpu_seconds", written(cpu)},
          {"peak_memory_bytes", memory.count},
          {"peak_pids", pids},
          {"processes", processes},
          {"bytes_written", written_bytes},
          {"stdout_bytes", out},
          {"stderr_bytes", err},
          {"downloaded_bytes", downloaded}};
}

}  // namespace

json::value to_json(const submission& s) { return written(s); }
json::value to_json(const download_result& r) { return written(r); }
json::value to_json(const execution_result& r) { return written(r); }
json::value to_json(const analysis_result& r) { return written(r); }
json::value to_json(const stage_timing& t) { return written(t); }
json::value to_json(const sandbox::outcome& o) { return written(o); }
json::value to_json(const finding& f) { return written(f); }

json::value to_json(const run& r) {
  const auto& a = r.analysis;
  return json::object{{"run_id", written(r.run_id)},
                      {"ecosystem", written(r.asked.ecosystem)},
                      {"package_name", written(r.asked.package_name)},
                      {"version", written(r.asked.version)},
                      {"mode", written(r.asked.mode)},
                      {"priority", r.asked.priority},
                      {"status", written(r.status)},
                      {"verdict", a ? written(a->verdict) : json::value(nullptr)},
                      {"score", a ? json::value(a->score) : json::value(nullptr)},
                      {"summary", a ? written(a->summary) : json::value(nullptr)},
                      {"findings", a ? written(a->findings) : json::value(json::array())},
                      {"stages", written(r.stages)},
                      {"usage", usage_of(r)},
                      {"reused_from", r.reused_from.empty() ? json::value(nullptr) : written(r.reused_from)},
                      {"created_at", written(r.created_at)},
                      {"started_at", written(r.started_at)},
                      {"finished_at", written(r.finished_at)},
                      {"error", r.error.empty() ? json::value(nullptr) : written(r.error)},
                      {"delivery", written(r.delivery)},
                      {"delivery_error", r.delivery_error.empty() ? json::value(nullptr) : written(r.delivery_error)}};
}

template <class T>
std::optional<T> from_json(const json::value& v) {
  T out;
  if (!read(v, out)) return std::nullopt;
  return out;
}
template std::optional<submission> from_json(const json::value&);
template std::optional<download_result> from_json(const json::value&);
template std::optional<execution_result> from_json(const json::value&);
template std::optional<analysis_result> from_json(const json::value&);
template std::optional<stage_timing> from_json(const json::value&);

}  // namespace lazaret::actors
