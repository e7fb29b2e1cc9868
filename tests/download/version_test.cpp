#include <catch2/catch.hpp>

#include "actors/download/specifier.hpp"
#include "actors/download/version.hpp"

using namespace lazaret::download;

namespace {

version v(std::string_view text) {
  const auto parsed = parse_version(text);
  INFO(text);
  REQUIRE(parsed);
  return *parsed;
}

bool matches(std::string_view specifiers, std::string_view candidate) {
  const auto all = parse_specifiers(specifiers);
  INFO(specifiers);
  REQUIRE(all);
  return allows(*all, v(candidate));
}

}  // namespace

TEST_CASE("Versions order as PEP 440 and packaging's own tests have them") {
  const std::vector<std::string> ordered{"1.0.dev456",
                                         "1.0a1",
                                         "1.0a2.dev456",
                                         "1.0a12.dev456",
                                         "1.0a12",
                                         "1.0b1.dev456",
                                         "1.0b2",
                                         "1.0b2.post345.dev456",
                                         "1.0b2.post345",
                                         "1.0b2-346",
                                         "1.0c1.dev456",
                                         "1.0c1",
                                         "1.0rc2",
                                         "1.0c3",
                                         "1.0",
                                         "1.0.post456.dev34",
                                         "1.0.post456",
                                         "1.1.dev1",
                                         "1.2+123abc",
                                         "1.2+123abc456",
                                         "1.2+abc",
                                         "1.2+abc123",
                                         "1.2+abc123def",
                                         "1.2+1234.abc",
                                         "1.2+123456",
                                         "1.2.r32+123456",
                                         "1.2.rev33+123456",
                                         "2013.6",
                                         "20211231235959999999999999999999.1",
                                         "1!1.0.dev456",
                                         "1!1.0",
                                         "1!1.2.rev33+123456"};
  for (std::size_t i = 0; i < ordered.size(); ++i)
    for (std::size_t j = 0; j < ordered.size(); ++j) {
      INFO(ordered[i] << " and " << ordered[j]);
      CHECK((compare(v(ordered[i]), v(ordered[j])) == (i <=> j)));
    }
}

TEST_CASE("Spellings of one version are equal and have one canonical form") {
  const std::vector<std::vector<std::string>> same{{"1.0", "v1.0", " 1.0\n", "1", "1.0.0", "01.00"},
                                                   {"1.0a1", "1.0.a.1", "1.0-alpha-1", "1.0_ALPHA1", "1.0a01"},
                                                   {"1.0rc1", "1.0c1", "1.0.pre1", "1.0-preview_1", "1.0RC1"},
                                                   {"1.0.post1", "1.0-1", "1.0.rev1", "1.0-r1", "1.0post1"},
                                                   {"1.0.post0", "1.0.post", "1.0-post"},
                                                   {"1.0.dev0", "1.0dev", "1.0-dev"},
                                                   {"1.0+abc.1", "1.0+ABC-1", "1.0+abc_01"}};
  for (const auto& group : same)
    for (const auto& text : group) {
      INFO(text << " and " << group[0]);
      CHECK((compare(v(text), v(group[0])) == 0));
    }
  CHECK(v("1!2.0-C1.post-2_dev3+Local.04").text() == "1!2.0rc1.post2.dev3+local.4");
}

TEST_CASE("What is no version is not read as one") {
  for (const auto* text :
       {"",        " ",      "french toast", "1.0a",      "1.",    ".1",     "1..0", "1.0+",
        "1.0+a+b", "1.0+_x", "1!",           "1.0 2",     "1.0.*", "../1.0", "1.0-", "1.0.post1.post2",
        "1.0--1",  "1.0/2",  "=1.0",         "1.0dev1rc1"}) {
    INFO(text);
    if (std::string_view{text} == "1.0a") {
      CHECK(parse_version(text));  // an implied number: 1.0a0
      continue;
    }
    CHECK_FALSE(parse_version(text));
  }
  CHECK_FALSE(parse_version(std::string(257, '1')));
  CHECK(parse_version(std::string(256, '1')));
}

TEST_CASE("Specifiers allow what PEP 440 says they allow") {
  struct row {
    const char* specifiers;
    const char* candidate;
    bool allowed;
  };
  for (const auto& [specifiers, candidate, allowed] : std::vector<row>{{"", "1.0", true},
                                                                       {">=3.6", "3.11.2", true},
                                                                       {">=3.6,<4", "3.11.2", true},
                                                                       {"<3.11", "3.11.2", false},
                                                                       {"!=3.0.*,!=3.1.*,>=2.7", "3.11.2", true},
                                                                       {"==3.11.*", "3.11.2", true},
                                                                       {"==3.1.*", "3.11.2", false},
                                                                       {"==2.*", "2.7", true},
                                                                       {"==2.0", "2", true},
                                                                       {"==2", "2.0.0+local", true},
                                                                       {"==2+x", "2", false},
                                                                       {"==2+x", "2+x", true},
                                                                       {"!=2", "2.0", false},
                                                                       {"~=2.2", "2.9", true},
                                                                       {"~=2.2", "3.0", false},
                                                                       {"~=2.2.post3", "2.2.post3", true},
                                                                       {"~=1.4.5", "1.4.9", true},
                                                                       {"~=1.4.5", "1.5.0", false},
                                                                       {">1.7", "1.7.1", true},
                                                                       {">1.7", "1.7.0.post1", false},
                                                                       {">1.7.post2", "1.7.post3", true},
                                                                       {">1.7", "1.7+local", false},
                                                                       {"<2", "2.0rc1", false},
                                                                       {"<2rc2", "2rc1", true},
                                                                       {"<2", "1.9rc1", true},
                                                                       {"<=2", "2.0.post1", false},
                                                                       {">=2", "2.dev1", false},
                                                                       {"===1.0", "1.0", true},
                                                                       {"===1.0", "1.0.0", false},
                                                                       {">=3.6,", "3.7", true},
                                                                       {" >= 3.6 , < 4 ", "3.7", true},
                                                                       {"==1!2.*", "1!2.5", true},
                                                                       {"==1.0a1.*", "1.0a1.post2", true}}) {
    INFO(candidate << " in " << specifiers);
    CHECK(matches(specifiers, candidate) == allowed);
  }
  for (const auto* bad : {"3.6", "=>3", "~=1", ">=1.*", "==1.0.dev1.*", "==", "< 1 > 2", ">=1+local", "python"}) {
    INFO(bad);
    CHECK_FALSE(parse_specifiers(bad));
  }
}
