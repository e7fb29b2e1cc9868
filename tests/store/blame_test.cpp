/// A claim whose holder vanished is a loss, until it is known that what was worked on ended it.

#include "tests/store/backend.hpp"

using namespace lazaret::durable;
using namespace lazaret::durable::test;

TEST_CASE("a crash that is told before anybody has taken the document again is a death, and it waits at once") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  put(*subject, "b", in("download"));
  const auto crashed = take_one(*subject, "download");
  CHECK(*subject->blame(a_run("a"), crashed.token) == settlement::done);
  CHECK(depth(*subject, "download").waiting == 2);
  CHECK(depth(*subject, "download").held == 0);
  CHECK(*subject->settle(crashed, with("late")) == settlement::superseded);
  CHECK(*subject->blame(a_run("a"), crashed.token) == settlement::superseded);
  const auto next = take_one(*subject, "download");
  CHECK(next.name.id == "a");
  CHECK(next.deaths == 1);
  CHECK(next.losses == 0);
  CHECK(next.attempts == 2);
}

TEST_CASE("a crash that is told late is a death and no loss, counted once; who has the document now keeps it") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  const auto first = lose(*subject, "download"), second = lose(*subject, "download");
  auto now = take_one(*subject, "download");
  CHECK(now.losses == 2);
  CHECK(*subject->blame(a_run("a"), first.token) == settlement::done);
  CHECK(*subject->blame(a_run("a"), first.token) == settlement::superseded);
  subject.reopen();
  CHECK(*subject->blame(a_run("a"), first.token) == settlement::superseded);
  CHECK(*subject->renew(now, long_lease) == settlement::done);
  CHECK(*subject->put_back(now, {}, false) == settlement::done);
  now = take_one(*subject, "download");
  CHECK(now.deaths == 1);
  CHECK(now.losses == 1);
  CHECK(*subject->put_back(now, {}, false) == settlement::done);
  CHECK(*subject->blame(a_run("a"), second.token) == settlement::done);  // while it waits
  now = take_one(*subject, "download");
  CHECK(now.deaths == 2);
  CHECK(now.losses == 0);
  CHECK(now.attempts == 5);
}

TEST_CASE("of many losses each is found by its own token, and by no part of another's") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  for (int n = 0; n < 23; ++n) lose(*subject, "download");
  CHECK(*subject->blame(a_run("a"), 3) == settlement::done);
  CHECK(*subject->blame(a_run("a"), 3) == settlement::superseded);
  for (const std::uint64_t token : {23, 13, 1, 2, 22}) CHECK(*subject->blame(a_run("a"), token) == settlement::done);
  CHECK(*subject->blame(a_run("a"), 24) == settlement::superseded);
  const auto now = take_one(*subject, "download");
  CHECK(now.deaths == 6);
  CHECK(now.losses == 17);
}

TEST_CASE("nothing is blamed on what ended well, was put back, has gone on, or is not there") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  const auto returned = take_one(*subject, "download");
  CHECK(*subject->put_back(returned, {}, false) == settlement::done);
  CHECK(*subject->blame(a_run("a"), returned.token) == settlement::superseded);
  const auto lost = lose(*subject, "download");
  const auto done = take_one(*subject, "download");
  CHECK(*subject->settle(done, with("a2", in("execution"))) == settlement::done);
  CHECK(*subject->blame(a_run("a"), lost.token) == settlement::superseded);
  CHECK(*subject->blame(a_run("a"), done.token) == settlement::superseded);
  const auto last = take_one(*subject, "execution");
  CHECK(last.deaths == 0);
  CHECK(last.losses == 0);
  CHECK(*subject->settle(last, with("over")) == settlement::done);
  CHECK(*subject->blame(a_run("a"), last.token) == settlement::superseded);
  CHECK(*subject->blame(a_run("b"), 1) == settlement::gone);
  CHECK_FALSE(subject->blame({"run", "no/id"}, 1));
  CHECK(body(*subject, "a") == "over");
}
