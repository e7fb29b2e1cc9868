#pragma once
/// What a watch gives its caller to hold.

namespace lazaret::durable {

/// Keeps a callback registered; destroying it unregisters, waits for a call that is under way, and nothing is called
/// any more.
class subscription {
 public:
  virtual ~subscription() = default;
};

}  // namespace lazaret::durable
