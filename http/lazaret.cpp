/// lazaret-client: what `lazaret` (sandbox/command/) becomes for all but `lazaret jail`. Its subcommands are
/// http/client/commands.hpp; here is only what the command line means.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "http/client/commands.hpp"
#include "http/config.hpp"
#include "http/egress.hpp"

namespace {

using namespace lazaret;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// The token from a file (its first line) or from the environment: never from the command line, which all users see.
std::optional<std::string> read_token(const std::string& file) {
  if (file.empty()) {
    auto token = variable("LAZARET_TOKEN");
    return token.empty() ? variable("API_TOKEN") : token;
  }
  std::ifstream in{file};
  std::string token;
  if (!std::getline(in, token)) return std::nullopt;
  while (!token.empty() && (token.back() == '\r' || token.back() == ' ')) token.pop_back();
  return token;
}

int fail(const std::string& why) {
  std::fprintf(stderr, "lazaret: %s\n", why.c_str());
  return 2;
}

/// For `nft -f -`. From the settings that lazaretd would start with; asks no service.
int print_egress_rules(const std::string& config_file, std::vector<std::string> also) {
  const auto settings = http::load_config(
      config_file.empty() ? std::nullopt : std::optional<std::filesystem::path>{config_file}, ::getenv);
  if (!settings) return fail(settings.error().describe());
  http::egress_settings what;
  what.registry_urls = std::move(also);
  what.registry_urls.push_back(settings->pypi_index_url);
  what.registry_urls.push_back(settings->npm_registry_url);
  // PyPI's pages point to files on another host.
  if (settings->pypi_index_url.starts_with("https://pypi.org/")) {
    what.registry_urls.emplace_back("https://files.pythonhosted.org/");
  }
  what.webhook_url = settings->discord_webhook_url;
  what.dns_resolvers = settings->dns_resolvers;
  std::ifstream resolv_conf{"/etc/resolv.conf"};
  what.resolv_conf.assign(std::istreambuf_iterator<char>{resolv_conf}, {});
  const auto rules = http::egress_rules(what, http::resolve_by_system);
  if (!rules) return fail(rules.error().describe());
  std::fputs(rules->c_str(), stdout);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"lazaret: triages untrusted packages with a lazaretd"};
  app.set_version_flag("--version", LAZARET_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(
      "`lazaret jail -- CMD` runs one program in a jail of its own, without a service: lazaret jail --help.\n"
      "The token is read from --token-file, LAZARET_TOKEN or API_TOKEN.\n"
      "Exit codes: 0 benign (or done), 1 suspicious or malicious, 2 everything else: inconclusive, failed, canceled,\n"
      "refused, or the service is away.");

  std::string server = "http://127.0.0.1:8080", token_file;
  app.add_option("--server", server, "where lazaretd listens, http://HOST:PORT")
      ->envname("LAZARET_URL")
      ->capture_default_str();
  app.add_option("--token-file", token_file, "file that holds the token");

  std::function<int(client::connection&)> chosen;

  client::triage_options t;
  auto* triage = app.add_subcommand("triage", "submit a release; prints its run id");
  triage->add_option("name", t.name, "package name")->required();
  triage->add_option("version", t.version, "exact version")->required();
  triage->add_option("--mode", t.mode, "install, execute, execute_module or full")->capture_default_str();
  triage->add_option("--file-path", t.file_path, "file of the release to run");
  triage->add_option("--entrypoint", t.entrypoint, "module:attr, or a console script");
  triage->add_option("--module-name", t.module_name, "module to run, in mode execute_module");
  triage->add_option("--priority", t.priority, "-100 to 100; higher is taken first");
  triage->add_flag("--force", t.forces, "judge it anew, though it was judged lately (VERDICT_TTL)");
  triage->add_flag("--wait", t.waits, "show the stages as they pass and end with the verdict");
  triage->add_flag("--json", t.as_json, "print JSON");
  triage->callback([&] { chosen = [&](auto& service) { return client::triage(service, t); }; });

  client::runs_options l;
  auto* runs = app.add_subcommand("runs", "list runs, newest first");
  runs->add_option("--status", l.status, "queued, running, completed, failed or canceled");
  runs->add_option("--package", l.package, "package name");
  runs->add_option("--verdict", l.verdict, "benign, suspicious, malicious or inconclusive");
  runs->add_option("--limit", l.limit, "at most so many")->capture_default_str();
  runs->add_option("--cursor", l.cursor, "go on where a list ended");
  runs->add_flag("--json", l.as_json, "print JSON");
  runs->callback([&] { chosen = [&](auto& service) { return client::runs(service, l); }; });

  client::report_options r;
  bool as_json = false;
  auto* report = app.add_subcommand("report", "print the report of a run (JSON unless --html)");
  report->add_option("id", r.run_id, "run id")->required();
  auto* html = report->add_flag("--html", r.html, "the report for people");
  report->add_flag("--json", as_json, "the report for machines (the default)")->excludes(html);
  report->add_option("-o,--output", r.output, "write to a file");
  report->callback([&] { chosen = [&](auto& service) { return client::report(service, r); }; });

  client::stage_options s;
  auto* stages = app.add_subcommand("stages", "show the stages");
  stages->add_flag("--json", s.as_json, "print JSON");
  auto* set = stages->add_subcommand("set", "change a stage at once");
  set->add_option("name", s.name, "stage")->required();
  set->add_option("--concurrency", s.concurrency, "workers, 1 to 64");
  set->add_option("--queue-limit", s.queue_limit, "runs that may wait, 1 to 100000");
  stages->callback([&] {
    chosen = [&](auto& service) { return *set ? client::set_stage(service, s) : client::stages(service, s.as_json); };
  });

  std::string canceled;
  auto* cancel = app.add_subcommand("cancel", "cancel a queued or running run");
  cancel->add_option("id", canceled, "run id")->required();
  cancel->callback([&] { chosen = [&](auto& service) { return client::cancel(service, canceled); }; });

  std::string config_file;
  std::vector<std::string> also;
  auto* egress = app.add_subcommand("egress-rules", "print an nftables ruleset that confines the service itself");
  egress->add_option("--config", config_file, "lazaretd's TOML file; its environment is read too");
  egress->add_option("--also", also, "a further URL to allow, e.g. of the host that serves the index's files");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (*egress) return print_egress_rules(config_file, std::move(also));
  const auto address = client::parse_server(server);
  const auto token = read_token(token_file);
  if (!address) return fail(address.error().describe());
  if (!token) return fail("--token-file " + token_file + ": must be a file whose first line is the token");
  client::connection service{*address, *token};
  return chosen(service);
}
