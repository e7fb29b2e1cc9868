#include <catch2/catch.hpp>

#include "actors/rate_limit/rate_limit.hpp"
#include "actors/restart_budget.hpp"

using namespace lazaret::actors;
using namespace std::chrono_literals;

SCENARIO("a fixed window admits its limit from the first submission on, then again when it is over") {
  fixed_window windows{{2, 60s, 100}};
  const fixed_window::clock::time_point t0{1000s};
  CHECK(windows.admit("a", t0));
  CHECK(windows.admit("a", t0 + 59s));
  CHECK_FALSE(windows.admit("a", t0 + 59s));
  CHECK(windows.admit("b", t0 + 59s));
  CHECK(windows.admit("a", t0 + 60s));
}

SCENARIO("the limiter's memory is bounded however many clients come") {
  fixed_window windows{{1, 60s, 100}};
  const fixed_window::clock::time_point t0{1000s};
  for (int n = 0; n < 1000; ++n) windows.admit(std::to_string(n), t0);
  CHECK(windows.clients() == 100);
  CHECK(windows.admit("late", t0 + 61s));
  CHECK(windows.clients() <= 100);
}

SCENARIO("a restart budget backs off exponentially, is exhausted by too many failures and forgets old ones") {
  restart_budget budget{{3, 60s, 10ms, 5s}};
  const restart_budget::clock::time_point t0{1000s};
  CHECK(budget.spend(t0) == 10ms);
  CHECK(budget.spend(t0) == 20ms);
  CHECK(budget.spend(t0) == 40ms);
  CHECK_FALSE(budget.exhausted(t0));
  CHECK(budget.spend(t0) == 5s);
  CHECK(budget.exhausted(t0));
  CHECK_FALSE(budget.exhausted(t0 + 61s));
  CHECK(budget.spend(t0 + 61s) == 10ms);
}
