#pragma once
/// Every message of the pipeline, and every actor's interface with a comment on each clause. Messages never leave the
/// process. Requests are imperative, answers past participles.
///
///   submit ─> ingress ─admit─> rate_limit
///                │ enqueue
///                v
///              queue ──assignment──> download | execution | analysis | report   (each when it has demanded work)
///                ^ ^                     │ begin, finish, give_back
///                │ └─────────────────────┘
///              queue ──step──> store ──look_for_work──> queue, whichever of this or another process
///                                └──look_for_reports──> courier
///
///   run_now ─> interactive ──run_one──> runner, and back: nothing is queued on disk, somebody is waiting
///   commit_job ─> batch ──> store ──look_for_jobs──> batch, whichever of this or another process
///                 batch ──run_job──> worker, and back: on disk first, and again after whatever dies

#include <array>
#include <caf/actor_control_block.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "actors/batch/job.hpp"
#include "actors/interactive/execution.hpp"
#include "actors/run.hpp"
#include "actors/service.hpp"
#include "actors/store/store.hpp"
#include "actors/work.hpp"

namespace lazaret::actors {

// -- submission ------------------------------------------------------------------------------------------------------

struct submit {
  submission what;
  std::optional<durable::idempotency> key;
};
/// Was that key used before?
struct recognise {
  durable::idempotency key;
};
/// The run that it gave; empty: it was not.
struct recognised {
  std::string run_id;
};
struct admit {
  std::string client;
};
struct admitted {};
struct enqueue {
  submission what;
  std::optional<durable::idempotency> key;
};
/// The run is on disk.
struct accepted {
  std::string run_id;
  bool repeated = false;  ///< it was before: the key gave that run
};

// -- work ------------------------------------------------------------------------------------------------------------

/// Work for a stage; `what` holds the results of the stages before it.
struct assignment {
  actors::ticket ticket;
  std::shared_ptr<const run> what;
};

/// A worker has taken the run up.
struct begin {
  actors::ticket ticket;
};
struct finish {
  actors::ticket ticket;
  stage_result result;
};
/// The result is on disk (or void): the stage may forget the run.
struct recorded {};
/// The worker that held the run died.
struct give_back {
  actors::ticket ticket;
  bool own_deed = false;  ///< of the run's work; else somebody ended the worker
};
/// A stage tells the queue that it exists, what it still holds (nothing after a restart) and how much it can take.
struct enlist {
  caf::strong_actor_ptr who;  ///< the stage itself: where its assignments go
  work_stage stage = work_stage::download;
  std::vector<ticket> holding;
  std::size_t room = 0;
  std::size_t concurrency = 1;
};
/// Room for `more` further assignments; negative after a limit was lowered.
struct demand {
  work_stage stage = work_stage::download;
  std::ptrdiff_t more = 0;
  std::size_t concurrency = 1;
};
/// Stop working on a run: it was canceled.
struct abort_run {
  std::string run_id;
};

// -- within a stage --------------------------------------------------------------------------------------------------

struct job_done {
  actors::ticket ticket;
  stage_result result;
};

// -- people's code ---------------------------------------------------------------------------------------------------

/// Run it now, or refuse. `who`: whose share it counts against; `stop`: nobody waits for it any more.
struct run_now {
  std::shared_ptr<const execution_request> what;
  claimant who;
  std::stop_token stop;
};
/// Would one of theirs be taken now?
struct check_room {
  claimant who;
};
struct room_checked {};
struct ran {
  std::shared_ptr<execution_answer> result;
};
struct run_one {
  std::uint64_t id = 0;
  std::shared_ptr<const execution_request> what;
  std::stop_token stop;
};
struct ran_by {
  std::uint64_t id = 0;
  std::shared_ptr<execution_answer> result;  ///< null: no jail could be made
};
struct expire_errand {
  std::uint64_t id = 0;
};

/// Null when it could not be done for reasons that are not the request's.
using perform_function = std::function<std::shared_ptr<execution_answer>(const execution_request&, std::stop_token)>;

// -- jobs ------------------------------------------------------------------------------------------------------------

/// Its input is on disk already. `key`: of a client who may ask twice.
struct commit_job {
  std::shared_ptr<const batch::job> what;
  std::optional<durable::idempotency> key;
};
/// The job is on disk; `id` is another one's when the key was used before.
struct committed {
  std::string id;
};
struct cancel_job {
  std::string id;
};
struct await_job {
  std::string id;
  std::chrono::milliseconds within{0};
};
struct job_state {
  std::shared_ptr<const batch::job> now;
};
struct run_job {
  std::shared_ptr<const batch::job> what;
  std::stop_token stop;
};
struct job_ran {
  std::string id;
  int attempt = 0;
  std::optional<batch::verdict> result;  ///< nothing: no jail could be made
};
struct expire_wait {
  std::uint64_t number = 0;
};
/// Of a job in hand whose retry is due: of writing that it begins, or how it ended.
struct resume_job {
  std::string id;
  int attempt = 0;
};

// -- operation -------------------------------------------------------------------------------------------------------

struct cancel {
  std::string run_id;
};
struct canceled {
  run what;
};
struct adjust {
  std::string stage;
  stage_change change;
};
struct adjusted {
  stage_status now;
};
/// Fault injection for tests: ends the actor `name` (a stage's name, `courier`), or one worker of the stage.
struct strike {
  std::string name;
  bool worker = false;
};
/// Take nothing new; what is in hand goes on.
struct drain {};

// -- ticks -----------------------------------------------------------------------------------------------------------

struct revive {
  std::string name;
};
/// The budget's period has passed since it was spent: is it well again?
struct reassess {
  std::string name;
};
/// Something may wait for that stage: the store says so.
struct look_for_work {
  work_stage stage = work_stage::download;
};
/// Something may wait for the webhook.
struct look_for_reports {};
/// A job may wait.
struct look_for_jobs {};
/// That job's status may have changed, or somebody wants it canceled.
struct look_at_job {
  std::string id;
};
struct renew_leases {};
/// Something happened to a run that this process holds: has it been canceled, by whichever node?
struct look_at_run {
  std::string run_id;
};
/// Runs are waiting to be written, all that have come until now together.
struct write_arrivals {};
struct resend {
  actors::ticket ticket;
};
struct replenish {};
/// Is there something to forget?
struct tidy_up {};

// -- interfaces ------------------------------------------------------------------------------------------------------

struct topology;
/// New handles of the neighbours: sent at the start and after each restart.
struct wire {
  std::shared_ptr<const topology> neighbours;
};

using ingress_actor = caf::typed_actor<
    // Denylist, rate limit, queue, in this order; refuses with a `fault`.
    caf::replies_to<submit>::with<accepted>, caf::reacts_to<drain>, caf::reacts_to<wire>>;

using rate_limit_actor = caf::typed_actor<
    // Counts one submission of that client, or refuses with fault::rate_limited.
    caf::replies_to<admit>::with<admitted>>;

using queue_actor = caf::typed_actor<
    // Writes the run to the store, then answers; fault::queue_full, fault::unavailable when it can't be written.
    // fault::key_reused when the key came with something else.
    caf::replies_to<enqueue>::with<accepted>, caf::replies_to<recognise>::with<recognised>,
    // From the stages.
    caf::reacts_to<enlist>, caf::reacts_to<demand>, caf::reacts_to<begin>, caf::replies_to<finish>::with<recorded>,
    caf::reacts_to<give_back>,
    // Ends a queued or running run; fault::unknown_run, fault::already_ended.
    caf::replies_to<cancel>::with<canceled>,
    // The queue's own limit.
    caf::replies_to<adjust>::with<adjusted>,
    // From the store; to itself.
    caf::reacts_to<look_for_work>, caf::reacts_to<renew_leases>, caf::reacts_to<look_at_run>,
    caf::reacts_to<write_arrivals>,
    // Gives out no more work.
    caf::reacts_to<drain>, caf::reacts_to<wire>>;

using stage_actor = caf::typed_actor<
    // From the queue.
    caf::reacts_to<assignment>, caf::reacts_to<abort_run>,
    // From its workers.
    caf::reacts_to<job_done>,
    // More workers start at once; surplus ones finish and go. fault::out_of_range.
    caf::replies_to<adjust>::with<adjusted>,
    // Fault injection: one busy worker (any, when none is busy) is killed.
    caf::reacts_to<strike>,
    // To itself: a result that the queue could not take yet; a place for a worker whose backoff is over.
    caf::reacts_to<resend>, caf::reacts_to<replenish>, caf::reacts_to<wire>>;

using worker_actor = caf::typed_actor<
    // Does the stage's work, blocking; sends `job_done` to the asker. An exception ends the worker.
    caf::reacts_to<job>>;

using interactive_actor = caf::typed_actor<
    // Waits for a worker for a short time; fault::queue_full, fault::unavailable, fault::draining.
    caf::replies_to<run_now>::with<ran>,
    // Whether run_now would be refused at once, and with what.
    caf::replies_to<check_room>::with<room_checked>,
    // From its workers.
    caf::reacts_to<ran_by>,
    // To itself: somebody has waited long enough.
    caf::reacts_to<expire_errand>,
    // As of the other stages.
    caf::replies_to<adjust>::with<adjusted>, caf::reacts_to<strike>, caf::reacts_to<replenish>,
    // Takes nobody any more, and tells those who wait.
    caf::reacts_to<drain>>;

using runner_actor = caf::typed_actor<
    // Runs it, blocking; sends `ran_by` to the asker. An exception ends the worker.
    caf::reacts_to<run_one>>;

using batch_actor = caf::typed_actor<
    // Writes the job to the store, then answers; fault::queue_full, fault::key_reused, fault::unavailable,
    // fault::draining.
    caf::replies_to<commit_job>::with<committed>,
    // Answers once its jail is gone, wherever it was, and that is on disk; fault::unknown_job, fault::already_ended.
    caf::replies_to<cancel_job>::with<job_state>,
    // Answers once the job has ended, wherever it runs; fault::unknown_job, fault::too_late.
    caf::replies_to<await_job>::with<job_state>,
    // From its workers.
    caf::reacts_to<job_ran>,
    // From the store.
    caf::reacts_to<look_for_jobs>, caf::reacts_to<look_at_job>,
    // To itself.
    caf::reacts_to<expire_wait>, caf::reacts_to<resume_job>, caf::reacts_to<renew_leases>,
    // As of the other stages.
    caf::replies_to<adjust>::with<adjusted>, caf::reacts_to<strike>, caf::reacts_to<replenish>,
    // Takes and begins nothing new.
    caf::reacts_to<drain>>;

using batch_worker_actor = caf::typed_actor<
    // Does it, blocking; sends `job_ran` to the asker. An exception ends the worker.
    caf::reacts_to<run_job>>;

using courier_actor = caf::typed_actor<
    // From the store: sends what waits in the outbox to the webhook, with backoff between attempts.
    caf::reacts_to<look_for_reports>>;

using janitor_actor = caf::typed_actor<
    // To itself: one step of forgetting, and the next is due when this one says.
    caf::reacts_to<tidy_up>>;

using supervisor_actor = caf::typed_actor<
    // Passed on to whoever stands for that stage now; fault::unavailable while nobody does.
    caf::replies_to<submit>::with<accepted>, caf::replies_to<cancel>::with<canceled>,
    caf::replies_to<run_now>::with<ran>, caf::replies_to<check_room>::with<room_checked>,
    caf::replies_to<commit_job>::with<committed>, caf::replies_to<cancel_job>::with<job_state>,
    caf::replies_to<await_job>::with<job_state>, caf::replies_to<adjust>::with<adjusted>, caf::reacts_to<strike>,
    caf::reacts_to<drain>,
    // To itself: a restart whose backoff is over; a stage that was unhealthy a period ago.
    caf::reacts_to<revive>, caf::reacts_to<reassess>>;

/// Who stands for each stage at the moment. A handle of an actor that died is stale until the next `wire`.
struct topology {
  ingress_actor ingress;
  rate_limit_actor rate_limit;
  queue_actor queue;
  std::array<stage_actor, 4> work;
  courier_actor courier;
  interactive_actor interactive;
  batch_actor batch;
  janitor_actor janitor;

  [[nodiscard]] const stage_actor& of(work_stage s) const { return work[static_cast<std::size_t>(s)]; }
};

}  // namespace lazaret::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::submit)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::recognise)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::recognised)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::admit)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::admitted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::enqueue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::accepted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::assignment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::begin)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::finish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::recorded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::give_back)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::enlist)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::demand)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::abort_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::job_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::cancel)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::canceled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::adjust)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::adjusted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::strike)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::drain)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::revive)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::reassess)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::look_for_work)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::look_for_reports)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::renew_leases)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::look_at_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::write_arrivals)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::resend)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::replenish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::wire)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::run_now)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::check_room)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::room_checked)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::ran)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::run_one)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::ran_by)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::expire_errand)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::commit_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::committed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::cancel_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::await_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::job_state)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::run_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::job_ran)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::expire_wait)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::resume_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::tidy_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::look_for_jobs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lazaret::actors::look_at_job)
