#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <future>
#include <thread>

#include "actors/download/cache.hpp"
#include "actors/download/digest.hpp"
#include "tests/download/hostile_index.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace lazaret;
using namespace lazaret::download;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

const tests::hostile_index& server() {
  static const tests::hostile_index one;
  return one;
}

const std::string good = [] {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "honest content\n";
  return text;
}();
const std::string good_digest = sha256_of(good);

struct station {
  station() { reopen(); }
  void reopen(sandbox::bytes limit = {10ULL << 30}) {
    cache.reset();
    cache = std::move(blob_cache::open({folder.path() / "cache", limit}).value());
  }
  int asked_for(const std::string& path) {
    memory_sink body;
    REQUIRE(fetch.get({server().url("/count" + path)}, body, {}).has_value());
    return std::stoi(body.body);
  }
  [[nodiscard]] std::size_t parts() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator{folder.path() / "cache/parts"}, {}));
  }
  static fetch_options options() {
    fetch_options o;
    o.trusted_host = "127.0.0.1";
    o.first_backoff = 10ms;
    o.low_speed_time = 1s;
    return o;
  }
  lazaret::testing::temporary_folder folder;
  fetcher fetch{options()};
  std::unique_ptr<blob_cache> cache;
};

}  // namespace

TEST_CASE("A digest is that of FIPS 180-4's example") {
  CHECK(sha256_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(is_sha256(sha256_of("")));
  CHECK_FALSE(is_sha256("abc"));
  CHECK_FALSE(is_sha256(std::string(64, 'g')));
}

TEST_CASE("A file is fetched once, verified, and found again by another process") {
  station s;
  const wanted_blob wanted{server().url("/bad/hops/0"), good_digest, good.size()};
  const auto before = s.asked_for("/bad/hops/0");
  const auto first = s.cache->obtain(s.fetch, wanted, nullptr, {});
  REQUIRE(first.has_value());
  CHECK_FALSE(first->from_cache);
  CHECK(first->size == good.size());
  CHECK(first->path.string().ends_with("/sha256/" + good_digest.substr(0, 2) + "/" + good_digest));
  CHECK(s.cache->obtain(s.fetch, wanted, nullptr, {})->from_cache);
  s.reopen();
  const auto again = s.cache->obtain(s.fetch, wanted, nullptr, {});
  REQUIRE(again.has_value());
  CHECK(again->from_cache);
  CHECK(sha256_of_file(again->file->get()) == good_digest);
  CHECK(s.asked_for("/bad/hops/0") == before + 1);
  CHECK(s.parts() == 0);
}

TEST_CASE("A file that is not what the index says is an error and is not kept") {
  station s;
  const auto r = s.cache->obtain(s.fetch, {server().url("/bad/digest/"), good_digest, {}}, nullptr, {});
  REQUIRE(r.has_error());
  CHECK(r.error().what == problem::digest_mismatch);
  for (const auto size : {good.size() - 1, good.size() + 1}) {
    const auto wrong = s.cache->obtain(s.fetch, {server().url("/bad/hops/0"), good_digest, size}, nullptr, {});
    REQUIRE(wrong.has_error());
    CHECK(wrong.error().what == problem::digest_mismatch);
  }
  CHECK_FALSE(s.cache->find(good_digest));
  CHECK(s.parts() == 0);
}

TEST_CASE("A file that was damaged on disk is dropped and fetched again") {
  station s;
  const wanted_blob wanted{server().url("/bad/hops/0"), good_digest, {}};
  const auto path = s.cache->obtain(s.fetch, wanted, nullptr, {})->path;
  const auto damage = GENERATE(0, 1);
  {
    std::ofstream file{path, damage == 0 ? std::ios::trunc : std::ios::in | std::ios::out};
    file << "X";
  }
  if (damage == 1) s.reopen();  // the size is right: only reading it again, as a new process does, can tell
  const auto again = s.cache->obtain(s.fetch, wanted, nullptr, {});
  REQUIRE(again.has_value());
  CHECK_FALSE(again->from_cache);
  CHECK(sha256_of_file(again->file->get()) == good_digest);
}

TEST_CASE("Those who want one file at the same time share one download, each paying its own budget") {
  station s;
  const wanted_blob wanted{server().url("/bad/slow-good/x"), good_digest, {}};
  download_budget rich{sandbox::bytes{1'000'000}}, poor{sandbox::bytes{10}};
  auto one = std::async(std::launch::async, [&] { return s.cache->obtain(s.fetch, wanted, &rich, {}); });
  auto two = std::async(std::launch::async, [&] { return s.cache->obtain(s.fetch, wanted, &rich, {}); });
  auto three = std::async(std::launch::async, [&] { return s.cache->obtain(s.fetch, wanted, &poor, {}); });
  CHECK(one.get().has_value());
  CHECK(two.get().has_value());
  const auto refused = three.get();
  REQUIRE(refused.has_error());
  CHECK(refused.error().text == cap_text);
  CHECK(rich.used() == 2 * good.size());
  CHECK(s.asked_for("/bad/slow-good/x") <= 2);  // a second one only when the poor one led
}

TEST_CASE("Who gives up does not take down those who wait with it") {
  station s;
  const wanted_blob wanted{server().url("/bad/slow-good/y"), good_digest, {}};
  std::stop_source stop;
  auto leader =
      std::async(std::launch::async, [&] { return s.cache->obtain(s.fetch, wanted, nullptr, stop.get_token()); });
  while (s.asked_for("/bad/slow-good/y") == 0) std::this_thread::yield();
  auto follower = std::async(std::launch::async, [&] { return s.cache->obtain(s.fetch, wanted, nullptr, {}); });
  stop.request_stop();
  const auto gone = leader.get();
  REQUIRE(gone.has_error());
  CHECK(gone.error().what == problem::canceled);
  CHECK(follower.get().has_value());
}

TEST_CASE("A hit counts against the budget as a download does") {
  station s;
  const wanted_blob wanted{server().url("/bad/hops/0"), good_digest, {}};
  REQUIRE(s.cache->obtain(s.fetch, wanted, nullptr, {}).has_value());
  download_budget budget{sandbox::bytes{good.size() + 10}};
  CHECK(s.cache->obtain(s.fetch, wanted, &budget, {}).has_value());
  CHECK(budget.used() == good.size());
  const auto second = s.cache->obtain(s.fetch, wanted, &budget, {});
  REQUIRE(second.has_error());
  CHECK(second.error().what == problem::cap_exceeded);
}

TEST_CASE("A file without a digest is fetched each time and kept under what it turned out to be") {
  station s;
  const auto r = s.cache->obtain(s.fetch, {server().url("/bad/hops/0"), "", {}}, nullptr, {});
  REQUIRE(r.has_value());
  CHECK(r->sha256 == good_digest);
  CHECK(s.cache->find(good_digest));
}

TEST_CASE("A cache over its limit lets go of what was not used for longest; who has it open keeps it") {
  station s;
  const auto kept = s.cache->obtain(s.fetch, {server().url("/bad/hops/0"), good_digest, {}}, nullptr, {});
  REQUIRE(kept.has_value());
  s.reopen(sandbox::bytes{1000});
  CHECK_FALSE(s.cache->find(good_digest));
  CHECK(sha256_of_file(kept->file->get()) == good_digest);
}

TEST_CASE("A folder that can't be made is an error that names it") {
  const auto r = blob_cache::open({"/proc/nothing/cache", {}});
  REQUIRE(r.has_error());
  CHECK(r.error().what == problem::local);
  CHECK(r.error().text.find("/proc/nothing/cache") != std::string::npos);
}

TEST_CASE("A full disk is an error of this machine, and leaves nothing behind") {
  // RLIMIT_FSIZE makes write(2) fail as a full disk does (SIGXFSZ ignored: EFBIG).
  station s;
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const auto r = s.cache->obtain(s.fetch, {server().url("/bad/hops/0"), good_digest, {}}, nullptr, {});
  ::setrlimit(RLIMIT_FSIZE, &before);
  REQUIRE(r.has_error());
  CHECK(r.error().what == problem::local);
  CHECK(r.error().text.find("File too large") != std::string::npos);
  CHECK(s.parts() == 0);
}
