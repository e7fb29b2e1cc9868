#include "http/sse.hpp"

#include "http/routes.hpp"
#include "http/validate.hpp"

namespace lazaret::http {
namespace {

constexpr std::size_t events_at_once = 256;
constexpr std::size_t bytes_at_once = 1 << 20;

void write_line(std::string& out, std::string_view field, std::string_view value) {
  out += field;
  for (char c : value) out += (c == '\n' || c == '\r' || c == '\0') ? ' ' : c;
  out += '\n';
}

bool has_ended(const actors::run& r) {
  return r.status != actors::status::queued && r.status != actors::status::running;
}

/// Reads on from the last event that the client has. Nothing is queued for a slow reader: the store is the queue.
class event_stream final : public live_body {
 public:
  event_stream(const site& s, std::string run_id, std::uint64_t after)
      : site_{s}, run_id_{std::move(run_id)}, after_{after} {
    ++site_.event_streams;
  }
  ~event_stream() override {
    subscription_.reset();
    --site_.event_streams;
  }

  void start(std::function<void()> poke) override {
    subscription_ = site_.pipeline.subscribe(run_id_, std::move(poke));
  }

  piece next() override {
    piece out;
    auto events = site_.pipeline.events(run_id_, after_, events_at_once);
    for (const auto& event : events) {
      if (out.bytes.size() >= bytes_at_once) break;
      write_event(out.bytes, event);
      after_ = event.id;
      if (event.type == "end") out.ended = true;
    }
    out.more = !out.ended && !events.empty();
    if (events.empty()) {
      // An `end` that the client had already, or a run that was forgotten meanwhile.
      auto run = site_.pipeline.find(run_id_);
      out.ended = !run || (has_ended(*run) && site_.pipeline.events(run_id_, after_, 1).empty());
    }
    return out;
  }

 private:
  const site& site_;
  const std::string run_id_;
  std::uint64_t after_;
  std::unique_ptr<actors::subscription> subscription_;
};

/// The header that a reconnecting EventSource sends; the query parameter is for clients that can't set headers.
std::optional<std::uint64_t> resume_after(const request& r) {
  constexpr std::string_view parameter = "last_event_id=";
  if (!r.last_event_id.empty()) return read_event_id(r.last_event_id);
  if (r.query.empty()) return 0;
  if (!r.query.starts_with(parameter)) return std::nullopt;
  return read_event_id(r.query.substr(parameter.size()));
}

}  // namespace

void write_event(std::string& out, const actors::run_event& event) {
  write_line(out, "id: ", std::to_string(event.id));
  write_line(out, "event: ", event.type);
  write_line(out, "data: ", event.data);
  out += '\n';
}

response follow_run(const site& s, const request& r) {
  const std::string id{r.argument};
  auto run = is_run_id(id) ? s.pipeline.find(id) : std::nullopt;
  if (!run) return failed(404, "no such run");
  auto after = resume_after(r);
  if (!after) return failed(422, "last_event_id: must be the number of an event");
  // 204 tells an EventSource that came back for more to stay away.
  if (has_ended(*run) && s.pipeline.events(id, *after, 1).empty()) return {.status = 204};
  if (s.event_streams >= site::max_event_streams) {
    auto busy = failed(503, "too many event streams");
    busy.headers.emplace_back("Retry-After", "5");
    return busy;
  }
  response stream{.content_type = "text/event-stream", .body = "retry: 2000\n\n"};
  stream.headers.emplace_back("X-Accel-Buffering", "no");  // a proxy in between should not hold events back
  stream.live = std::make_shared<event_stream>(s, id, *after);
  return stream;
}

}  // namespace lazaret::http
