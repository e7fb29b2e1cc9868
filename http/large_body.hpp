#pragma once
/// What a large body takes of the memory that all of them share, given back when its request is over.

#include "http/hub.hpp"

namespace lazaret::http {

class large_body {
 public:
  explicit large_body(hub& h) : of_{h} {}
  ~large_body() { of_.large_bodies -= taken_; }
  large_body(const large_body&) = delete;
  large_body& operator=(const large_body&) = delete;

  /// In steps that double, as the string that holds it grows. False: there is no room for so much.
  [[nodiscard]] bool cover(std::size_t size) {
    while (size > of_.lim.body_bytes + taken_) {
      const auto more = of_.lim.body_bytes + taken_;
      taken_ += more;
      if (of_.large_bodies.fetch_add(more) + more > of_.lim.all_large_bodies) return false;
    }
    return true;
  }

 private:
  hub& of_;
  std::size_t taken_ = 0;
};

/// Counts a callback that the pipeline owes, for as long as it holds it.
class owed_answer {
 public:
  explicit owed_answer(hub& h) : count_{h.owed} { ++count_; }
  ~owed_answer() { --count_; }
  owed_answer(const owed_answer&) = delete;
  owed_answer& operator=(const owed_answer&) = delete;

 private:
  std::atomic<int>& count_;
};

}  // namespace lazaret::http
