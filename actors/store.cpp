#include "actors/store.hpp"

#include "actors/at_work.hpp"
#include "actors/names.hpp"
#include "actors/run_document.hpp"
#include "actors/store/sqlite_store.hpp"

namespace lazaret::actors {
namespace {

durable::name name_of(const std::string& run_id) { return {run_kind, run_id}; }

durable::change to_change(const step& s) {
  durable::change c{to_document(s.now), {}, s.events};
  if (s.queue) c.next = durable::place{*s.queue, s.now.asked.priority, s.now.asked.client.substr(0, 200), s.not_before};
  return c;
}

template <class T>
T readable(sandbox::result<T> got) {
  if (!got) throw store_unreadable{got.error().describe()};
  return std::move(*got);
}

/// The body stays as it is, for people; nobody is given it again.
durable::change set_aside(const durable::claim& c) {
  return {{c.body, {{"status", std::string{name(status::failed)}}}, durable::clock::now()}, {}, {}};
}

}  // namespace

store::store(std::shared_ptr<durable::store> documents, std::string node)
    : documents_{std::move(documents)}, node_{std::move(node)} {}

sandbox::result<void> store::add(const step& first) {
  const auto written = add_all({{first, {}}}).front();
  return written ? sandbox::result<void>{} : written.error();
}

std::vector<sandbox::result<durable::admission>> store::add_all(const std::vector<new_run>& fresh) {
  std::vector<durable::addition> additions;
  for (const auto& [first, key] : fresh) additions.push_back({name_of(first.now.run_id), to_change(first), 0, key});
  auto written = documents_->add_all(additions);
  for (auto& got : written)
    if (got && got->what == durable::admission::kind::exists)
      got = sandbox::failure{"store", 0, "run " + got->id + " is there already", {}};
  return written;
}

sandbox::result<std::optional<durable::admission>> store::recognise(const durable::idempotency& key) {
  return documents_->recognise(run_kind, key);
}

sandbox::result<std::vector<held_run>> store::take(const std::string& queue, const std::string& role, std::size_t most,
                                                   std::chrono::milliseconds lease) {
  auto claims = documents_->take(queue, owner(role), most, lease);
  if (!claims) return claims.error();
  std::vector<held_run> runs;
  for (auto& c : *claims) {
    const at_work here{c.name.kind, c.name.id, c.token};
    auto what = c.name.kind == run_kind ? to_run(c.body) : std::nullopt;
    if (what)
      runs.push_back({std::move(c), std::move(*what)});
    else if (const auto gone = documents_->settle(c, set_aside(c)); !gone)
      return gone.error();
  }
  return runs;
}

sandbox::result<settlement> store::renew(const durable::claim& held, std::chrono::milliseconds lease) {
  return documents_->renew(held, lease);
}

sandbox::result<settlement> store::update(const durable::claim& held, const step& now) {
  return documents_->update(held, to_document(now.now), now.events);
}

sandbox::result<settlement> store::settle(const durable::claim& held, const step& outcome) {
  return documents_->settle(held, to_change(outcome));
}

sandbox::result<settlement> store::put_back(const durable::claim& held, bool died) {
  return documents_->put_back(held, {}, died);
}

sandbox::result<std::uint64_t> store::abandon(const std::string& role) { return documents_->abandon(owner(role)); }

sandbox::result<settlement> store::amend(const std::string& run_id,
                                         const std::function<std::optional<step>(const run&)>& decide) {
  return documents_->amend(name_of(run_id), [&](const std::string& body) -> std::optional<durable::change> {
    const auto was = to_run(body);
    const auto next = was ? decide(*was) : std::nullopt;
    return next ? std::optional{to_change(*next)} : std::nullopt;
  });
}

sandbox::result<void> store::observe(const std::string& run_id, std::string data) {
  return documents_->append(name_of(run_id), {"observation", std::move(data)}, max_observations);
}

std::optional<run> store::find(const std::string& run_id) {
  auto body = documents_->find(name_of(run_id));
  if (!body && body.error().step == "bounds") return {};  // what can be no id is nobody's
  const auto found = readable(std::move(body));
  return found ? to_run(*found) : std::nullopt;
}

std::optional<run_page> store::list(const run_filter& filter) {
  durable::list_filter wanted;
  wanted.cursor = filter.cursor;
  wanted.limit = filter.limit;
  if (filter.status) wanted.facets.emplace("status", name(*filter.status));
  if (filter.package) wanted.facets.emplace("package", normalise_name(*filter.package));
  if (filter.verdict) wanted.facets.emplace("verdict", name(*filter.verdict));
  auto got = documents_->list(run_kind, wanted);
  if (!got && (got.error().step == "cursor")) return {};
  if (!got && got.error().step == "bounds") return run_page{};  // no run has a package of such a name
  auto page = readable(std::move(got));
  run_page runs;
  runs.next_cursor = std::move(page.next_cursor);
  for (const auto& body : page.bodies)
    if (auto r = to_run(body)) runs.runs.push_back(std::move(*r));
  return runs;
}

std::vector<run_event> store::events(const std::string& run_id, std::uint64_t after, std::size_t limit) {
  auto got = documents_->events(name_of(run_id), after, limit);
  if (!got && got.error().step == "bounds") return {};
  std::vector<run_event> found;
  for (auto& e : readable(std::move(got))) found.push_back({e.id, std::move(e.type), std::move(e.data)});
  return found;
}

sandbox::result<durable::queue_depth> store::depth(const std::string& queue) { return documents_->depth(queue); }

sandbox::result<std::optional<std::uint64_t>> store::position(const std::string& run_id) {
  return documents_->position(name_of(run_id));
}

sandbox::result<void> store::remember(const std::string& key, const std::string& value, std::chrono::seconds keep) {
  return documents_->remember(key, value, keep);
}

sandbox::result<std::optional<std::string>> store::recall(const std::string& key) { return documents_->recall(key); }

sandbox::result<std::vector<std::string>> store::ended(std::chrono::system_clock::time_point before, std::size_t most) {
  return documents_->ended(run_kind, before, most);
}

sandbox::result<void> store::forget(const std::string& run_id) { return documents_->forget(name_of(run_id)); }

sandbox::result<std::size_t> store::tidy(std::size_t most) { return documents_->tidy(most); }

std::unique_ptr<subscription> store::subscribe(const std::string& run_id, std::function<void()> poke) {
  return documents_->watch_events(name_of(run_id), std::move(poke));
}

std::unique_ptr<durable::subscription> store::watch_queue(const std::string& queue, std::function<void()> poke) {
  return documents_->watch_queue(queue, std::move(poke));
}

std::optional<std::string> store::trouble() { return documents_->trouble(); }

sandbox::result<std::unique_ptr<store>> open_sqlite_store(const std::filesystem::path& file) {
  auto documents = durable::open_sqlite_store(file);
  if (!documents) return documents.error();
  return std::make_unique<store>(std::move(*documents), "local");
}

}  // namespace lazaret::actors
