#pragma once
/// Delivers a webhook: one multipart POST, again after a pause while that makes sense. Blocks for at most about
/// attempts * (timeout + longest_wait); call from a worker, never from an actor of CAF's scheduler. Any thread.
///
/// Tried again: transport errors, 5xx, 429. Not: any other answer, a redirect among them (the URL is an operator's
/// secret, so it is not shown to another host). Nothing here logs or returns the URL beyond its host.

#include <chrono>
#include <stop_token>
#include <string>

#include "actors/report/webhook.hpp"

namespace lazaret::report {

struct delivery_options {
  int attempts = 5;                                ///< at least 1
  std::chrono::milliseconds first_backoff{1'000};  ///< doubled each time, with jitter in [1/2, 1]
  /// Also for what the receiver asks for by Retry-After: raise it only if workers may wait that long.
  std::chrono::milliseconds longest_wait{60'000};
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{60'000};  ///< of one attempt, the upload included
  std::string idempotency_key;                ///< the run's id: a receiver can tell a repetition
};

struct delivery {
  bool delivered = false;
  int attempts = 0;
  int status = 0;                      ///< of the last answer; 0: there was none
  std::string error;                   ///< one line, empty when delivered
  bool may_succeed_later = false;      ///< of a failed one: a further attempt makes sense
  std::chrono::milliseconds asked{0};  ///< how long the receiver asked to wait before that
};

/// A stop request ends the attempt or the pause at once.
[[nodiscard]] delivery deliver(const std::string& url, const webhook_message& message, const delivery_options& options,
                               std::stop_token stop = {});

/// How long a 429 or 503 asks to wait: the larger of the Retry-After header (RFC 9110, 10.2.3: seconds or a date) and
/// Discord's `retry_after` in the body (seconds). Zero when neither is given or legible.
[[nodiscard]] std::chrono::milliseconds asked_to_wait(std::string_view retry_after_header, std::string_view body,
                                                      std::chrono::system_clock::time_point now);

}  // namespace lazaret::report
