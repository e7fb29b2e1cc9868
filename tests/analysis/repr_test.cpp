#include <catch2/catch.hpp>

#include "actors/analysis/repr.hpp"

using lazaret::analysis::read_repr;
using kind = lazaret::analysis::repr_value::kind;

TEST_CASE("The arguments of open are read as Python wrote them") {
  const auto v = read_repr("('/work/site/x.py', 'r', 524288)");
  REQUIRE(v.items.size() == 3);
  CHECK(v[0].text == "/work/site/x.py");
  CHECK(v[1].text == "r");
  CHECK(v[2].number == 524288);
  CHECK(v[3].what == kind::none);
}

TEST_CASE("Each literal of Python is read") {
  CHECK(read_repr("('a\\'b', \"c'd\")").texts() == std::vector<std::string>{"a'b", "c'd"});
  CHECK(read_repr("(b'\\xff\\x00',)")[0].text == std::string("\xFF\0", 2));
  CHECK(read_repr("('\\xe9\\u20ac\\U0001f40d\\n',)")[0].text == "é€🐍\n");
  CHECK(read_repr("(None, True, -7)")[0].what == kind::none);
  CHECK(read_repr("(None, True, -7)")[1].number == 1);
  CHECK(read_repr("(None, True, -7)")[2].number == -7);
  CHECK(read_repr("('git', ['git', '--version'], None, None)")[1].texts() ==
        std::vector<std::string>{"git", "--version"});
  CHECK(read_repr("({'open': 512, 'exec': 3},)")[0][1].number == 512);
}

TEST_CASE("An object stays opaque and does not disturb what follows") {
  const auto v = read_repr("(<socket.socket fd=3, family=2, laddr=('0.0.0.0', 0)>, ('127.0.0.1', 3141))");
  CHECK(v[0].what == kind::opaque);
  CHECK(v[1][0].text == "127.0.0.1");
  CHECK(v[1][1].number == 3141);
  CHECK(read_repr("(<code object <module> at 0x7f, file \"<string>\", line 1>,)").items.size() == 1);
  CHECK(read_repr("(PosixPath('/a'), 'r')")[1].text == "r");
}

TEST_CASE("A repr that was cut or forged is read as far as it goes") {
  const auto* text =
      GENERATE("", "(", "('", "('a", "('a\\", "('a\\x", "('\\u12", "(((((", "))))", "(<", "('a' 'b'", "{1:", "(,,,)",
               "(b", "('x', ...", "(9999999999999999999999999,)", "\\", "('\\U00110000',)");
  static_cast<void>(read_repr(text));
  CHECK(read_repr("('/etc/passwd")[0].text == "/etc/passwd");
}

TEST_CASE("A repr nested without end costs neither the stack nor much time") {
  std::string deep(60'000, '(');
  static_cast<void>(read_repr(deep));
  const auto v = read_repr(deep.substr(0, 100) + std::string(100, ')'));
  CHECK(v.what == kind::list);
  CHECK(read_repr("([[[[[[[[[[[[[[[[[[['x']]]]]]]]]]]]]]]]]]], 'after')").items.size() == 2);
}
