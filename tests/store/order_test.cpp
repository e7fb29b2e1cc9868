#include "tests/store/backend.hpp"

using namespace lazaret::durable;
using namespace lazaret::durable::test;

TEST_CASE("without clients and priorities the oldest comes first") {
  ON_EACH_STORE();
  std::vector<std::string> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back("r" + std::to_string(i));
    put(*subject, all.back(), in("download"));
  }
  CHECK(drain(*subject, "download") == all);
}

TEST_CASE("a take of many gives them in order, and no more than there are") {
  ON_EACH_STORE();
  for (const auto* id : {"a", "b", "c"}) put(*subject, id, in("download"));
  CHECK(ids(take(*subject, "download", 2)) == std::vector<std::string>{"a", "b"});
  CHECK(ids(take(*subject, "download", 9)) == std::vector<std::string>{"c"});
  CHECK(take(*subject, "download", 0).empty());
}

TEST_CASE("the n-th of each client comes before anybody's n+1st") {
  ON_EACH_STORE();
  for (const auto* id : {"a1", "a2", "a3"}) put(*subject, id, in("download", "A"));
  for (const auto* id : {"b1", "b2"}) put(*subject, id, in("download", "B"));
  put(*subject, "c1", in("download", "C"));
  CHECK(drain(*subject, "download") == std::vector<std::string>{"a1", "b1", "c1", "a2", "b2", "a3"});
}

TEST_CASE("a higher priority comes first, and each priority is fair by itself") {
  ON_EACH_STORE();
  put(*subject, "low", in("download", "A", -100));
  for (const auto* id : {"a1", "a2"}) put(*subject, id, in("download", "A", 5));
  put(*subject, "b1", in("download", "B", 5));
  put(*subject, "plain", in("download", "A"));
  put(*subject, "high", in("download", "A", 100));
  CHECK(drain(*subject, "download") == std::vector<std::string>{"high", "a1", "b1", "a2", "plain", "low"});
}

TEST_CASE("who comes late waits for one of each other client, not for all that they have") {
  ON_EACH_STORE();
  for (int i = 0; i < 50; ++i) put(*subject, "a" + std::to_string(i), in("download", "A"));
  CHECK(ids(take(*subject, "download", 10)).back() == "a9");
  put(*subject, "b", in("download", "B"));
  CHECK(ids(take(*subject, "download", 2)) == std::vector<std::string>{"a10", "b"});
}

TEST_CASE("who always has one more does not keep out who has many") {
  ON_EACH_STORE();
  for (int i = 0; i < 5; ++i) put(*subject, "b" + std::to_string(i), in("download", "B"));
  put(*subject, "a0", in("download", "A"));
  int of_b = 0;
  for (int i = 1; i <= 10; ++i) {
    const auto id = take_one(*subject, "download").name.id;
    if (id.starts_with("b"))
      ++of_b;
    else
      put(*subject, "a" + std::to_string(i), in("download", "A"));
  }
  CHECK(of_b == 5);
}

TEST_CASE("fairness survives a restart") {
  ON_EACH_STORE();
  for (int i = 0; i < 5; ++i) put(*subject, "a" + std::to_string(i), in("download", "A"));
  CHECK(take(*subject, "download", 2).size() == 2);
  subject.reopen();
  put(*subject, "b", in("download", "B"));
  CHECK(drain(*subject, "download") == std::vector<std::string>{"a2", "b", "a3", "a4"});
}

TEST_CASE("what is put back keeps its turn before its client's others, whatever came meanwhile") {
  ON_EACH_STORE();
  for (const auto* id : {"a1", "a2"}) put(*subject, id, in("download", "A"));
  const auto held = take_one(*subject, "download");
  put(*subject, "a3", in("download", "A"));
  CHECK(*subject->put_back(held, {}, false) == settlement::done);
  CHECK(drain(*subject, "download") == std::vector<std::string>{"a1", "a2", "a3"});
}

TEST_CASE("each queue has an order of its own") {
  ON_EACH_STORE();
  put(*subject, "d1", in("download", "A"));
  put(*subject, "e1", in("execution", "A"));
  put(*subject, "d2", in("download", "A"));
  CHECK(drain(*subject, "execution") == std::vector<std::string>{"e1"});
  CHECK(drain(*subject, "download") == std::vector<std::string>{"d1", "d2"});
}

TEST_CASE("a position is the number of those that come before") {
  ON_EACH_STORE();
  const auto position = [&](const std::string& id) { return *subject->position(a_run(id)); };
  for (const auto* id : {"a1", "a2", "a3"}) put(*subject, id, in("download", "A"));
  put(*subject, "b1", in("download", "B"));
  put(*subject, "high", in("download", "C", 1));
  put(*subject, "elsewhere", in("execution", "A"));
  put(*subject, "nowhere", {});
  auto later = in("download", "D", 50);
  later.not_before = clock::now() + long_lease;
  put(*subject, "later", later);
  CHECK(position("high") == 0u);
  CHECK(position("a1") == 1u);
  CHECK(position("b1") == 2u);
  CHECK(position("a2") == 3u);
  CHECK(position("a3") == 4u);
  CHECK(position("elsewhere") == 0u);
  CHECK(position("nowhere") == std::nullopt);
  CHECK(position("never") == std::nullopt);
  CHECK(take_one(*subject, "download").name.id == "high");
  CHECK(position("high") == std::nullopt);
  CHECK(position("a1") == 0u);
  CHECK(position("a3") == 3u);
}
