#include "actors/ingress/ingress.hpp"

#include "actors/caf_fault.hpp"
#include "actors/names.hpp"

namespace lazaret::actors {
ingress_actor::behavior_type ingress_state::start(ingress_options options, std::shared_ptr<board> figures) {
  options_ = std::move(options);
  figures->configure(name, 1, 0);
  return {
      [this](submit& request) { return consider(std::move(request)); },
      [this](drain) { draining_ = true; },
      [this](const wire& w) { neighbours_ = w.neighbours; },
  };
}

caf::result<accepted> ingress_state::consider(submit request) {
  if (draining_) return make_fault(fault::draining);
  if (is_denied(request.what.package_name, options_.denylist)) return make_fault(fault::denied);
  if (!neighbours_) return make_fault(fault::unavailable);
  auto promise = self_->make_response_promise<accepted>();
  if (!request.key) {
    count(std::move(request), promise);
    return promise;
  }
  // Who asks for the same again has been counted.
  recognise question{*request.key};
  self_->request(neighbours_->queue, caf::infinite, std::move(question))
      .then(
          [this, promise, request = std::move(request)](recognised& known) mutable {
            if (known.run_id.empty()) return count(std::move(request), promise);
            promise.deliver(accepted{std::move(known.run_id), true});
          },
          [promise](caf::error& e) mutable { promise.deliver(std::move(e)); });
  return promise;
}

/// Whoever asks us waits for so long and no longer: a clock of our own for each question would cost as much as it.
void ingress_state::count(submit request, caf::typed_response_promise<accepted> promise) {
  const auto refuse = [promise](caf::error& e) mutable { promise.deliver(std::move(e)); };
  admit question{request.what.client};
  self_->request(neighbours_->rate_limit, caf::infinite, std::move(question))
      .then(
          [this, promise, refuse, request = std::move(request)](admitted) mutable {
            enqueue entry{std::move(request.what), std::move(request.key)};
            self_->request(neighbours_->queue, caf::infinite, std::move(entry))
                .then([promise](accepted& yes) mutable { promise.deliver(std::move(yes)); }, refuse);
          },
          refuse);
}

}  // namespace lazaret::actors
