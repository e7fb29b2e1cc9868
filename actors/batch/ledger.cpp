#include "actors/batch/ledger.hpp"

#include "actors/at_work.hpp"
#include "actors/batch/job_document.hpp"

namespace lazaret::batch {
namespace {

constexpr const char* cancel_event = "cancel";
/// Of one job; more would say nothing new.
constexpr std::uint64_t most_cancels = 1;
constexpr std::size_t events_at_once = 500;

durable::name name_of(const std::string& id) { return {job_kind, id}; }

std::vector<durable::event> told(const job& j) {
  return {{"status", R"({"status":")" + std::string{name(j.status)} + R"("})"}};
}

/// The body stays as it is, for people; nobody is given it again.
durable::change set_aside(const durable::claim& c) { return {{c.body, {}, durable::clock::now()}, {}, {}}; }

}  // namespace

ledger::ledger(std::shared_ptr<durable::store> documents, std::string node)
    : documents_{std::move(documents)}, owner_{std::move(node) + ":batch"} {}

sandbox::result<durable::admission> ledger::add(const job& fresh, std::uint64_t most_waiting,
                                                const std::optional<durable::idempotency>& key) {
  durable::change first{to_document(fresh), durable::place{job_queue, 0, fresh.owner.substr(0, 200), {}}, told(fresh)};
  return documents_->add(name_of(fresh.id), first, most_waiting, key);
}

sandbox::result<std::vector<held_job>> ledger::take(std::size_t most, std::chrono::milliseconds lease) {
  auto claims = documents_->take(job_queue, owner_, most, lease);
  if (!claims) return claims.error();
  std::vector<held_job> jobs;
  for (auto& c : *claims) {
    const actors::at_work here{c.name.kind, c.name.id, c.token};
    auto what = c.name.kind == job_kind ? to_job(c.body) : std::nullopt;
    if (what && what->id == c.name.id) {
      c.body.clear();
      jobs.push_back({std::move(c), std::move(*what)});
    } else {
      // If it can't be written, the lease runs out, and whoever takes it next comes here again.
      static_cast<void>(documents_->settle(c, set_aside(c)));
    }
  }
  return jobs;
}

sandbox::result<durable::settlement> ledger::renew(const durable::claim& held, std::chrono::milliseconds lease) {
  return documents_->renew(held, lease);
}

sandbox::result<durable::settlement> ledger::update(const durable::claim& held, const job& now) {
  return documents_->update(held, to_document(now), told(now));
}

sandbox::result<durable::settlement> ledger::settle(const durable::claim& held, const job& ended) {
  return documents_->settle(held, {to_document(ended), {}, told(ended)});
}

sandbox::result<durable::settlement> ledger::put_back(const durable::claim& held, job::time not_before, bool died) {
  return documents_->put_back(held, not_before, died);
}

sandbox::result<std::uint64_t> ledger::abandon() { return documents_->abandon(owner_); }

sandbox::result<durable::settlement> ledger::end(const std::string& id,
                                                 const std::function<std::optional<job>(const job&)>& decide) {
  auto how = documents_->amend(name_of(id), [&](const std::string& body) -> std::optional<durable::change> {
    const auto was = to_job(body);
    const auto now = was ? decide(*was) : std::nullopt;
    if (!now) return {};
    durable::change last{to_document(*now), {}, told(*now)};
    last.events.push_back({cancel_event, "{}"});
    return last;
  });
  if (!how && how.error().step == "bounds") return settlement::gone;  // what can be no id is nobody's
  return how;
}

sandbox::result<void> ledger::ask_to_cancel(const std::string& id) {
  return documents_->append(name_of(id), {cancel_event, "{}"}, most_cancels);
}

sandbox::result<bool> ledger::is_asked_to_cancel(const std::string& id) {
  for (std::uint64_t after = 0;;) {
    const auto some = documents_->events(name_of(id), after, events_at_once);
    if (!some) return some.error();
    for (const auto& one : *some)
      if (one.type == cancel_event) return true;
    if (some->empty()) return false;
    after = some->back().id;
  }
}

sandbox::result<std::optional<job>> ledger::find(const std::string& id) {
  const auto body = documents_->find(name_of(id));
  if (!body && body.error().step == "bounds") return std::optional<job>{};
  if (!body) return body.error();
  return *body ? to_job(**body) : std::nullopt;
}

sandbox::result<durable::queue_depth> ledger::depth() { return documents_->depth(job_queue); }

std::unique_ptr<durable::subscription> ledger::watch(std::function<void()> poke) {
  return documents_->watch_queue(job_queue, std::move(poke));
}

std::unique_ptr<durable::subscription> ledger::watch(const std::string& id, std::function<void()> poke) {
  return documents_->watch_events(name_of(id), std::move(poke));
}

sandbox::result<std::vector<std::string>> ledger::ended(job::time before, std::size_t most) {
  return documents_->ended(job_kind, before, most);
}

sandbox::result<void> ledger::forget(const std::string& id) { return documents_->forget(name_of(id)); }

}  // namespace lazaret::batch
