#include "actors/batch/front_desk.hpp"

#include <algorithm>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>

#include "actors/ask.hpp"
#include "actors/fault_point.hpp"

namespace lazaret::actors {
namespace {

constexpr std::chrono::seconds question_time_out{10};
/// For a jail that is being ended.
constexpr std::chrono::seconds cancel_time_out{40};

std::string new_id() {
  auto id = boost::uuids::to_string(boost::uuids::random_generator{}());
  std::erase(id, '-');
  return id;
}

}  // namespace

void front_desk::submit(batch::new_job what, reply<batch::submitted> done) {
  if (!options_.jobs) return done(refusal{fault::unavailable, "there is no batch stage"});
  // The store decides; this keeps a full queue from costing a write of the files. A key may be of a job that is there.
  const auto depth = what.key ? durable::queue_depth{} : options_.jobs->depth();
  if (!depth) return done(refusal{fault::store_away, depth.error().describe()});
  if (depth->waiting >= board_.of(batch_state::name).queue_limit) return done(refusal{fault::queue_full, {}});
  auto made = std::make_shared<batch::job>();
  made->id = new_id();
  auto kept = options_.files->keep(made->id, what.input);
  if (!kept) return done(refusal{fault::store_away, kept.error().describe()});
  LAZARET_FAULT_POINT("job.folder");
  made->front = std::move(what.front);
  made->owner = std::move(what.owner);
  made->spec = std::move(what.spec);
  made->input = std::move(*kept);
  made->created_at = std::chrono::system_clock::now();
  const auto settle = [done = std::move(done), files = options_.files, id = made->id](answer<batch::submitted> given) {
    LAZARET_FAULT_POINT("job.answered");
    // When nobody answered it may have been accepted all the same; a folder without a job is swept later.
    const auto* why = std::get_if<refusal>(&given);
    const auto* got = std::get_if<batch::submitted>(&given);
    const bool perhaps = why != nullptr && (why->why == fault::unavailable || why->why == fault::store_away);
    if ((why != nullptr && !perhaps) || (got != nullptr && got->repeated)) files->remove(id);
    done(std::move(given));
  };
  ask<committed, commit_job, batch::submitted>(
      system_, supervisor_, commit_job{made, std::move(what.key)}, settle,
      [id = made->id](committed& c) {
        return batch::submitted{c.id, c.id != id};
      },
      question_time_out);
}

void front_desk::cancel(std::string id, reply<found_job> done) {
  if (!options_.jobs) return done(refusal{fault::unknown_job, {}});
  ask<job_state, cancel_job, found_job>(
      system_, supervisor_, cancel_job{std::move(id)}, std::move(done), [](job_state& s) { return s.now; },
      cancel_time_out);
}

void front_desk::await(std::string id, std::chrono::milliseconds within, reply<found_job> done) {
  if (!options_.jobs) return done(refusal{fault::unknown_job, {}});
  ask<job_state, await_job, found_job>(
      system_, supervisor_, await_job{std::move(id), within}, std::move(done), [](job_state& s) { return s.now; },
      std::chrono::ceil<std::chrono::seconds>(within) + question_time_out);
}

std::optional<batch::job> front_desk::find(const std::string& id) {
  if (!options_.jobs) return {};
  auto found = options_.jobs->find(id);
  if (!found) throw store_unreadable{found.error().describe()};
  return std::move(*found);
}

std::unique_ptr<durable::subscription> front_desk::subscribe(const std::string& id, std::function<void()> poke) {
  return options_.logs->add(id, std::move(poke));
}

std::filesystem::path front_desk::log_of(const batch::job& which) const {
  return options_.files->log(which.id, which.attempt);
}

std::filesystem::path front_desk::artifacts_of(const batch::job& which) const {
  return options_.files->artifacts(which.id, which.attempt);
}

}  // namespace lazaret::actors
