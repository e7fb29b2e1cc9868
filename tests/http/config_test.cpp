#include <unistd.h>
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "http/config.hpp"

using namespace lazaret::http;

namespace {

using variables = std::map<std::string, std::string>;

auto load(const variables& vars, const std::optional<std::filesystem::path>& file = std::nullopt) {
  return load_config(file, [&vars](const char* name) -> const char* {
    auto found = vars.find(name);
    return found == vars.end() ? nullptr : found->second.c_str();
  });
}

std::string complaint_about(const variables& vars) {
  auto loaded = load(vars);
  return loaded ? "" : loaded.error().describe();
}

class toml_file {
 public:
  explicit toml_file(std::string_view text) {
    char name[] = "/tmp/lazaret-config-XXXXXX";
    ::close(::mkstemp(name));
    path = name;
    std::ofstream{path} << text;
  }
  ~toml_file() { std::filesystem::remove(path); }
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("Without any setting the defaults hold and only loopback is bound") {
  auto loaded = load({});
  REQUIRE(loaded.has_value());
  CHECK(loaded->port == 8080);
  CHECK(loaded->queue_limit == 20);
  CHECK(loaded->max_download_bytes == 300000000);
  CHECK(loaded->package_denylist == std::vector<std::string>{"torch", "tensorflow", "jaxlib"});
  CHECK(loaded->dns_resolvers == std::vector<std::string>{"1.1.1.1", "8.8.8.8"});
  CHECK(loaded->run_as_user == "nobody");
  CHECK(loaded->host == "127.0.0.1");
  REQUIRE(loaded->notices.size() == 1);
  CHECK_THAT(loaded->notices[0], Catch::Contains("127.0.0.1"));
}

TEST_CASE("With a token the service is for the network") {
  auto loaded = load({{"API_TOKEN", "sesame"}});
  REQUIRE(loaded.has_value());
  CHECK(loaded->host == "0.0.0.0");
  CHECK(loaded->notices.empty());
}

TEST_CASE("A host of the network that was asked for is refused while there is no token") {
  CHECK_THAT(complaint_about({{"HOST", "0.0.0.0"}}), Catch::Contains("HOST") && Catch::Contains("API_TOKEN"));
  CHECK(load({{"HOST", "::1"}}).has_value());
  CHECK(load({{"HOST", "127.8.9.10"}}).has_value());
  CHECK(load({{"HOST", "0.0.0.0"}, {"API_TOKEN", "sesame"}}).has_value());
}

TEST_CASE("An empty variable counts as unset") {
  auto loaded = load({{"API_TOKEN", ""}, {"PORT", ""}, {"PACKAGE_DENYLIST", ""}});
  REQUIRE(loaded.has_value());
  CHECK(loaded->port == 8080);
  CHECK(loaded->package_denylist.size() == 3);
  CHECK(loaded->host == "127.0.0.1");
}

TEST_CASE("Everything that is wrong is said at once") {
  auto text =
      complaint_about({{"PORT", "65536"}, {"QUEUE_LIMIT", "0"}, {"LOG_LEVEL", "loud"}, {"STORE_URL", "mysql://h:1"}});
  for (auto name : {"PORT", "QUEUE_LIMIT", "LOG_LEVEL", "STORE_URL"}) CHECK_THAT(text, Catch::Contains(name));
  CHECK_THAT(text, Catch::Contains("0 to 65535"));
}

TEST_CASE("A value out of its type or range is refused") {
  auto [name, value] = GENERATE(table<std::string, std::string>({
      {"PORT", "80a"},
      {"PORT", "-1"},
      {"PORT", " 80"},
      {"PORT", "99999999999999999999"},
      {"PORT", "0x50"},
      {"MAX_CONCURRENCY", "65"},
      {"MAX_CONCURRENCY", "0"},
      {"RLIMIT_AS_MB", "1"},
      {"DISK_LIMIT_MB", "0"},
      {"HOST", "example.org"},
      {"HOST", "1.2.3"},
      {"API_TOKEN", "two words"},
      {"API_TOKEN", "br\neak"},
      {"DISCORD_WEBHOOK_URL", "http://example.org/hook"},
      {"DISCORD_WEBHOOK_URL", "file:///etc/passwd"},
      {"PYPI_INDEX_URL", "ftp://h/"},
      {"PYPI_INDEX_URL", "/simple"},
      {"PYPI_INDEX_URL", "http://u:p@h/"},
      {"PACKAGE_DENYLIST", "torch,--index-url"},
      {"DNS_RESOLVERS", "1.1.1.1,localhost"},
      {"RUN_AS_USER", "no-such-user-x"},
      {"LOG_FORMAT", "xml"},
      {"LOG_LEVEL", "INFO"},
      {"DRAIN_SEC", "-5"},
      {"JAIL_REQUIRE", "pids,landlok"},
      {"STORE_URL", "redis://"},
      {"STORE_URL", "redis://h:99999"},
      {"STORE_URL", "redis://h/0?cacert=/x"},
      {"STORE_URL", "sqlite"},
      {"REDIS_URL", "sqlite:"},
      {"REDIS_URL", "redis://h/db"},
      {"LEASE_SEC", "0"},
  }));
  CAPTURE(name, value);
  CHECK_THAT(complaint_about({{name, value}}), Catch::Contains(name));
}

TEST_CASE("A secret is not repeated in the message") {
  auto text = complaint_about({{"API_TOKEN", "top secret"}});
  CHECK_THAT(text, Catch::Contains("API_TOKEN") && !Catch::Contains("top secret"));
}

TEST_CASE("The password in a store's URL is not repeated either") {
  for (const auto* name : {"STORE_URL", "REDIS_URL"}) {
    auto text = complaint_about({{name, "redis://user:top/secret@host:6379/0"}});
    CHECK_THAT(text, Catch::Contains(name) && !Catch::Contains("secret"));
  }
}

TEST_CASE("REDIS_URL says where runs are kept when STORE_URL does not") {
  CHECK(load({})->store_url == "sqlite:");
  CHECK(load({{"REDIS_URL", "redis://a:1/2"}})->store_url == "redis://a:1/2");
  CHECK(load({{"REDIS_URL", "redis://a:1/2"}, {"STORE_URL", "sqlite:"}})->store_url == "redis://a:1/2");
  CHECK(load({{"REDIS_URL", "redis://a:1/2"}, {"STORE_URL", "rediss://:pw@b"}})->store_url == "rediss://:pw@b");
  CHECK(load({{"STORE_URL", "sqlite:/var/lib/x.sqlite"}})->store_url == "sqlite:/var/lib/x.sqlite");
}

TEST_CASE("A webhook may be plain on loopback only") {
  CHECK(load({{"DISCORD_WEBHOOK_URL", "http://127.0.0.1:9/hook"}}).has_value());
  CHECK(load({{"DISCORD_WEBHOOK_URL", "https://example.org/hook"}}).has_value());
}

TEST_CASE("A TOML file sets the same keys, and the environment wins over it") {
  toml_file file{
      "PORT = 9000\nQUEUE_LIMIT = 7\nPACKAGE_DENYLIST = [\"a\", \"b\"]\nDNS_RESOLVERS = \"9.9.9.9\"\nRUN_AS_USER = "
      "\"\"\n"};
  auto loaded = load({{"PORT", "9001"}}, file.path);
  REQUIRE(loaded.has_value());
  CHECK(loaded->port == 9001);
  CHECK(loaded->queue_limit == 7);
  CHECK(loaded->package_denylist == std::vector<std::string>{"a", "b"});
  CHECK(loaded->dns_resolvers == std::vector<std::string>{"9.9.9.9"});
  CHECK(loaded->run_as_user.empty());
}

TEST_CASE("An unknown key, a wrong type or broken TOML in the file is fatal") {
  auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"PROT = 1", "PROT"},
      {"port = 1", "port"},
      {"PORT = \"1\"", "PORT"},
      {"HOST = 1", "HOST"},
      {"PACKAGE_DENYLIST = [1]", "PACKAGE_DENYLIST"},
      {"[section]\nPORT = 1", "section"},
      {"PORT = = 1", "line 1"},
  }));
  toml_file file{text};
  auto loaded = load({}, file.path);
  REQUIRE_FALSE(loaded.has_value());
  CHECK_THAT(loaded.error().describe(), Catch::Contains(expected));
}

TEST_CASE("A file that is not there is fatal") { CHECK_FALSE(load({}, "/nonexistent/lazaret.toml").has_value()); }

TEST_CASE("Every default is valid, and every name is said once") {
  std::set<std::string_view> names;
  for (const auto& row : settings()) {
    CAPTURE(row.name);
    CHECK(names.insert(row.name).second);
    CHECK_THAT(settings_help(), Catch::Contains(std::string{row.name}));
  }
  CHECK(load({}).has_value());
}

TEST_CASE("README's table of settings is the one that --help prints") {
  std::ifstream file{LAZARET_SOURCE_DIR "/README.md"};
  std::stringstream readme;
  readme << file.rdbuf();
  const auto text = readme.str();
  const std::string open = "<!-- settings -->\n", close = "<!-- /settings -->";
  auto begin = text.find(open), end = text.find(close);
  REQUIRE(begin != text.npos);
  REQUIRE(end != text.npos);
  CHECK(text.substr(begin + open.size(), end - begin - open.size()) == settings_markdown());
}
