#pragma once
/// From a callback to an actor's answer: a short-lived actor asks the supervisor and calls back with the answer,
/// whatever it is. Any thread.

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <chrono>
#include <functional>

#include "actors/caf_fault.hpp"
#include "actors/messages.hpp"

namespace lazaret::actors {

/// `read` makes a T of an Answer. Without an answer within `time_out`: fault::unavailable.
template <class Answer, class Question, class T, class Read>
void ask(caf::actor_system& system, const supervisor_actor& supervisor, Question question,
         std::function<void(answer<T>)> done, Read read, std::chrono::seconds time_out) {
  system.spawn([to = supervisor, question = std::move(question), done = std::move(done), read,
                time_out](caf::event_based_actor* self) mutable {
    self->request(to, time_out, std::move(question))
        .then([done, read](Answer& a) { done(read(a)); }, [done](const caf::error& e) { done(read_fault(e)); });
  });
}

}  // namespace lazaret::actors
