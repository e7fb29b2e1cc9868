#include "actors/store/redis_store.hpp"
#include "tests/store/backend.hpp"
#include "tests/store/redis_process.hpp"

using namespace lazaret::durable;
using namespace lazaret::durable::test;

namespace {

constexpr redis::server_options hasty{milliseconds{2000}, milliseconds{2000}, 16, milliseconds{5}, milliseconds{50}};

/// An authority of the test's own, and what it signed.
class authority {
 public:
  explicit authority(const std::string& name) : name_{name} {
    run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=" + name, "-keyout", file("ca.key"), "-out", file("ca.pem")});
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.path() / name; }
  [[nodiscard]] std::string root() const { return file("ca.pem"); }
  void sign(const std::string& name, const std::string& alternative) const {
    folder_.write(name + ".ext", "subjectAltName=" + alternative);
    run({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
         "-keyout", file(name + ".key"), "-out", file(name + ".csr")});
    run({"openssl", "x509", "-req", "-in", file(name + ".csr"), "-CA", root(), "-CAkey", file("ca.key"),
         "-CAcreateserial", "-days", "2", "-extfile", file(name + ".ext"), "-out", file(name + ".pem")});
  }

 private:
  std::string name_;
  lazaret::testing::temporary_folder folder_;
};

std::string refusal(const std::string& url) {
  const auto got = open_redis_store(url, hasty);
  return got ? (*got)->trouble().value_or("") : got.error().describe();
}

bool says(const std::string& text, std::string_view what) {
  UNSCOPED_INFO(text);
  return text.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("over TLS the certificate must be of whom we trust and for whom we asked") {
  const authority ours{"ours"}, other{"other"};
  ours.sign("server", "DNS:localhost,IP:127.0.0.1");
  ours.sign("client", "DNS:node1");
  ours.sign("elsewhere", "DNS:elsewhere.example");
  const auto start = [&](const std::string& certificate, const std::string& clients) {
    const auto port = std::to_string(free_port());
    return std::pair{std::make_unique<redis_process>(std::vector<std::string>{
                         "--tls-port", port, "--bind", "127.0.0.1", "--tls-cert-file", ours.file(certificate + ".pem"),
                         "--tls-key-file", ours.file(certificate + ".key"), "--tls-ca-cert-file", ours.root(),
                         "--tls-auth-clients", clients, "--requirepass", "hunter2", "--appendfsync", "always"}),
                     port};
  };
  const auto trusting = "?cacert=" + ours.root();

  SECTION("by address and by name, with a password, large bodies and pokes too") {
    const auto [server, port] = start("server", "no");
    for (const auto* host : {"127.0.0.1", "localhost"}) {
      INFO(host);
      const auto node =
          open_redis_store("rediss://:hunter2@" + std::string{host} + ":" + port + trusting + "&prefix=" + host + ":",
                           hasty)
              .value();
      CHECK(node->trouble() == std::nullopt);
      bell rung;
      const auto watch = node->watch_queue("download", rung.rope());
      const std::string big(3u << 20, 'x');
      REQUIRE(node->add(a_run("a"), with(big, in("download")), 0, {}));
      CHECK(soon([&] { return rung.rung() > 0; }));
      CHECK((take_one(*node, "download").body == big));
      server->kill();
      server->start();
      CHECK((body(*node, "a") == big));
    }
    CHECK(says(refusal("rediss://:wrong@127.0.0.1:" + port + trusting), "does not know that user and password"));
    CHECK(says(refusal("rediss://:hunter2@127.0.0.1:" + port + "?cacert=" + other.root()), "certificate"));
    CHECK(says(refusal("rediss://:hunter2@127.0.0.1:" + port), "certificate"));
    CHECK_FALSE(refusal("redis://:hunter2@127.0.0.1:" + port).empty());
  }
  SECTION("a certificate for another name is refused") {
    const auto [server, port] = start("elsewhere", "no");
    CHECK(says(refusal("rediss://:hunter2@127.0.0.1:" + port + trusting), "IP address mismatch"));
    CHECK(says(refusal("rediss://:hunter2@localhost:" + port + trusting), "hostname mismatch"));
  }
  SECTION("a Redis that asks for our certificate gets it") {
    const auto [server, port] = start("server", "yes");
    const auto shown = "&cert=" + ours.file("client.pem") + "&key=" + ours.file("client.key");
    CHECK(refusal("rediss://:hunter2@127.0.0.1:" + port + trusting + shown).empty());
    CHECK_FALSE(refusal("rediss://:hunter2@127.0.0.1:" + port + trusting).empty());
  }
}

TEST_CASE("certificates that can't be read are refused at once") {
  for (const auto* what : {"cacert=/nowhere.pem", "cacertdir=/nowhere", "cert=/nowhere.pem&key=/nowhere.key"}) {
    const auto got = open_redis_store(std::string{"rediss://:hunter2@127.0.0.1:1?"} + what, hasty);
    REQUIRE_FALSE(got);
    CHECK(says(got.error().describe(), "/nowhere"));
    CHECK_FALSE(says(got.error().describe(), "hunter2"));
  }
}
