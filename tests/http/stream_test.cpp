// What is said over /v1/execute/stream, and what waits for a slow client.
#include <catch2/catch.hpp>

#include "http/stream/messages.hpp"
#include "http/stream/outbox.hpp"
#include "tests/http/loopback.hpp"

using namespace lazaret;
using namespace lazaret::http::stream;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

std::string complaint_of(std::string_view text, bool has_terminal = false) {
  const auto read = read_saying(text, has_terminal);
  const auto* wrong = std::get_if<http::complaint>(&read);
  return wrong ? wrong->detail : "";
}

std::shared_ptr<sandbox::conversation> talk() { return sandbox::conversation::make().value(); }

}  // namespace

TEST_CASE("A start has the fields of an execution, and a terminal if it likes") {
  const auto settings = test::test_config();
  const sandbox::installed_runtimes runtimes{"/nowhere"};
  auto read = read_start(R"({"type":"start","argv":["sh"],"pty":{"rows":24,"cols":80}})", settings, runtimes);
  REQUIRE(std::holds_alternative<actors::execution_request>(read));
  const auto& rules = std::get<actors::execution_request>(read).rules;
  CHECK(rules.terminal.rows == 24);
  CHECK(rules.terminal.columns == 80);
  CHECK(std::ranges::find(rules.environment, "TERM=xterm-256color") != rules.environment.end());
  read = read_start(R"({"type":"start","argv":["sh"],"env":{"TERM":"dumb"},"pty":{"rows":24,"cols":80}})", settings,
                    runtimes);
  const auto& own = std::get<actors::execution_request>(read).rules.environment;
  CHECK(std::ranges::find(own, "TERM=dumb") != own.end());
  CHECK(std::ranges::find(own, "TERM=xterm-256color") == own.end());
}

TEST_CASE("What is said later is read by its type, and complaints name the field") {
  CHECK(std::get<input>(std::get<saying>(read_saying(R"({"type":"stdin","base64":"AP8="})", false))).bytes ==
        std::string("\0\xff", 2));
  CHECK(std::get<send_signal>(std::get<saying>(read_saying(R"({"type":"signal","signal":"SIGTERM"})", false))).number ==
        15);
  CHECK(complaint_of(R"({"type":"resize","rows":24,"cols":80})", true).empty());
  CHECK_THAT(complaint_of(R"({"type":"resize","rows":24,"cols":5000})", true), StartsWith("resize.cols: must be"));
  CHECK_THAT(complaint_of(R"({"type":"resize","rows":24,"cols":80})"), StartsWith("resize: the program has no"));
  CHECK_THAT(complaint_of(R"({"type":"stdin","text":1})"), StartsWith("stdin.text: must be a string"));
  CHECK_THAT(complaint_of(R"({"type":1})"), StartsWith("type: "));
  CHECK_THAT(complaint_of(R"({"type":"stdin","text":"\ud800"})"), StartsWith("message: not valid JSON"));
}

TEST_CASE("Only what may still become a character waits for its end") {
  CHECK(whole_characters("") == 0);
  CHECK(whole_characters("ab") == 2);
  CHECK(whole_characters("a\xc3") == 1);
  CHECK(whole_characters("a\xc3\xa9") == 3);
  CHECK(whole_characters("\xe2\x82") == 0);
  CHECK(whole_characters("\xf0\x9f\x98") == 0);
  CHECK(whole_characters("\xf0\x9f\x98\x80") == 4);
  CHECK(whole_characters("\x80\x80\x80\x80") == 4);  // the end of nothing
}

TEST_CASE("A token is found among the protocols that a browser offers") {
  CHECK(offered_token("lazaret.stream, lazaret.bearer.c2VzYW1l") == "sesame");
  CHECK(offered_token("lazaret.bearer._-8") == "\xff\xef");
  CHECK(offered_token("lazaret.bearer.!").empty());
  CHECK(offered_token("chat").empty());
  CHECK(offers_protocol("chat ,lazaret.stream"));
  CHECK(!offers_protocol("lazaret.streams"));
}

TEST_CASE("A slow client stops the output, and goes on with all of it") {
  const auto with = talk();
  int pokes = 0;
  outbox box{with, [&] { ++pokes; }};
  box.started();
  for (int n = 0; n < 5; ++n) box.print(false, std::string(60'000, static_cast<char>('a' + n)));
  CHECK(with->holds_output());
  box.print(true, "oops");
  box.finish("the end");
  CHECK(pokes == 8);
  CHECK(box.take() == R"({"type":"started"})");
  for (int n = 0; n < 5; ++n) CHECK_THAT(*box.take(), Contains(std::string(60'000, static_cast<char>('a' + n))));
  CHECK(!with->holds_output());
  CHECK(box.take() == R"({"text":"oops","type":"stderr"})");
  CHECK(!box.is_empty_for_good());
  CHECK(box.take() == "the end");
  CHECK(box.is_empty_for_good());
  CHECK(!box.take());
}

TEST_CASE("A character that never ended is told as bytes, and the first last message counts") {
  outbox box{talk(), [] {}};
  box.print(false, "a\xe2\x82");
  box.print(true, "b");
  box.print(false, "\xac");
  box.print(false, "\xc3");
  box.finish("first");
  box.finish("second");
  CHECK(box.take() == R"({"text":"a","type":"stdout"})");
  CHECK(box.take() == R"({"text":"b","type":"stderr"})");
  CHECK(box.take() == "{\"text\":\"\u20ac\",\"type\":\"stdout\"}");
  CHECK(box.take() == R"({"base64":"ww==","type":"stdout"})");
  CHECK(box.take() == "first");
  CHECK(!box.take());
}

TEST_CASE("A handshake is refused before the upgrade when nothing would be taken") {
  test::running_server server;
  const std::string shake =
      "Authorization: Bearer sesame\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
  server.pipeline.refuse({actors::fault::queue_full, {}});
  const auto refused = test::ask(server.port(), "GET", "/v1/execute/stream", {}, shake);
  CHECK(refused.status == 503);
  CHECK(refused.header("Retry-After") == "5");
}
