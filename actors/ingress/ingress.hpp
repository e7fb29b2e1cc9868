#pragma once
/// Where a submission enters: policy (denylist), rate limit, queue, in this order; what an
/// Idempotency-Key gave before is answered ahead of the rate limit. Holds nothing between submissions.

#include <caf/typed_response_promise.hpp>
#include <string>
#include <vector>

#include "actors/board.hpp"
#include "actors/messages.hpp"

namespace lazaret::actors {

struct ingress_options {
  /// PACKAGE_DENYLIST: `torch` denies `torch` and `torch-anything`, not `torchvision`.
  std::vector<std::string> denylist;
};

class ingress_state {
 public:
  static inline constexpr const char* name = "ingress";
  explicit ingress_state(ingress_actor::stateful_pointer<ingress_state> self) : self_{self} {}
  ingress_actor::behavior_type start(ingress_options options, std::shared_ptr<board> figures);

 private:
  caf::result<accepted> consider(submit request);
  void count(submit request, caf::typed_response_promise<accepted> promise);
  ingress_actor::stateful_pointer<ingress_state> self_;
  ingress_options options_;
  std::shared_ptr<const topology> neighbours_;
  bool draining_ = false;
};

}  // namespace lazaret::actors
