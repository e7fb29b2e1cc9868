#include <catch2/catch.hpp>

#include "actors/report/text.hpp"

using namespace lazaret::report;

TEST_CASE("What hides or reorders text is spelled out") {
  CHECK(visible("a\x1b[31mb") == "a‹U+001B›[31mb");
  CHECK(visible("x\u202egpj.exe") == "x‹U+202E›gpj.exe");
  CHECK(visible("\u200b\u2066\ufeff\u2028\u00ad") == "‹U+200B›‹U+2066›‹U+FEFF›‹U+2028›‹U+00AD›");
  CHECK(visible("\U000E0041") == "‹U+E0041›");
  CHECK(visible("a\nb\tc\r") == "a‹U+000A›b‹U+0009›c‹U+000D›");
  CHECK(visible("a\nb\tc\r", true) == "a\nb\tc‹U+000D›");
  CHECK(visible(std::string("\0\x7f", 2)) == "‹U+0000›‹U+007F›");
  CHECK(visible("\xff é €") == "\uFFFD é €");
}

TEST_CASE("Markup is text as content and in an attribute") {
  CHECK(html("<a href='x' title=\"y\">&") == "&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;");
}

TEST_CASE("A cut keeps whole characters") {
  CHECK(cut("héllo", 10) == "héllo");
  CHECK(cut("ééééé", 3) == "éé…");
  CHECK(scalars("é€🐍") == 3);
  CHECK(cut("abc", 0).empty());
}

TEST_CASE("Sizes and times are for people") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_seconds(0.012) == "12 ms");
  CHECK(human_seconds(1.423) == "1.42 s");
}
