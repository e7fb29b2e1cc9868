#include <catch2/catch.hpp>
#include <chrono>
#include <set>

#include "actors/analysis/findings.hpp"
#include "actors/analysis/highlights.hpp"
#include "actors/analysis/rules.hpp"
#include "actors/analysis/verdict.hpp"

using namespace lazaret::analysis;
using lazaret::actors::verdict;

TEST_CASE("Every rule has an id of its own, a meaning, a weight in range and something to match") {
  std::set<std::string_view> ids;
  for (const auto& r : rules()) {
    INFO(r.id);
    CHECK(ids.insert(r.id).second);
    CHECK_FALSE(r.title.empty());
    CHECK((r.weight >= 0 && r.weight <= 100));
    CHECK((r.what == 0) == !r.together.empty());
    for (const auto group : r.together)
      for (const auto id : group) CHECK(find_rule(id) != nullptr);
  }
}

TEST_CASE("Each note that another stage may leave has its rule") {
  for (const auto id : {ids::archive_traversal, ids::archive_link_escape, ids::archive_device, ids::archive_bomb,
                        ids::archive_limits, ids::archive_corrupt, ids::archive_encrypted, ids::archive_duplicate,
                        ids::archive_polyglot, ids::download_cap, ids::digest_missing, ids::yanked_release})
    CHECK(find_rule(id) != nullptr);
  CHECK(find_rule("no_such_rule") == nullptr);
}

TEST_CASE("A glob knows runs and single characters and folds ASCII case") {
  CHECK(fits("*/.ssh/*", "/work/home/.ssh/id_rsa"));
  CHECK(fits("a?c", "abc"));
  CHECK(fits("", ""));
  CHECK(fits("*", ""));
  CHECK(fits("*/Login Data", "/x/LOGIN DATA"));
  CHECK_FALSE(fits("a?c", "ac"));
  CHECK_FALSE(fits("*/.ssh/*", "/work/home/.sshd"));
  CHECK_FALSE(fits("", "a"));
}

TEST_CASE("No glob takes long on a text made against it") {
  const std::string text(4000, 'a');
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(fits("*a*a*a*a*a*a*a*a*a*a*a*b", text));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::milliseconds{500});
}

TEST_CASE("The score rises with each finding and never passes 100") {
  const held_rule heavy{find_rule("credential_read"), true, 1, {}}, light{find_rule("digest_missing"), true, 1, {}};
  CHECK(score_of({}) == 0);
  CHECK(score_of({light}) == 5);
  CHECK(score_of({heavy}) == 80);
  CHECK(score_of({heavy, light}) == 81);
  CHECK(score_of(std::vector<held_rule>(50, heavy)) == 100);
  CHECK(score_of({{heavy.what, false, 1, {}}}) == 60);
}

TEST_CASE("The table of rules has a version that is the same each time") {
  CHECK(rules_version().size() == 64);
  CHECK(rules_version() == rules_version());
}

TEST_CASE("Too few witnesses make a quiet run inconclusive and never excuse a loud one") {
  CHECK(verdict_of(0, true) == verdict::benign);
  CHECK(verdict_of(24, true) == verdict::benign);
  CHECK(verdict_of(24, false) == verdict::inconclusive);
  CHECK(verdict_of(25, false) == verdict::suspicious);
  CHECK(verdict_of(65, false) == verdict::malicious);
  CHECK(verdict_of(100, true) == verdict::malicious);
}

TEST_CASE("A command is cut in the middle and never inside a character") {
  CHECK(cut_in_middle("short", 120) == "short");
  const auto cut = cut_in_middle(std::string(200, 'a') + "z", 120);
  CHECK(cut.size() == 120);
  CHECK(cut.ends_with("z"));
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "é";
  for (std::size_t longest = 20; longest < 40; ++longest)
    CHECK(cut_in_middle(wide, longest).find("\xC3.") == std::string::npos);
}
