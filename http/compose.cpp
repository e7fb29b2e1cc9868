#include "http/compose.hpp"

#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <filesystem>
#include <optional>
#include <thread>

#include "actors/analysis/rules.hpp"
#include "actors/analysis/work.hpp"
#include "actors/batch/run_job.hpp"
#include "actors/download/npm_gateway.hpp"
#include "actors/download/work.hpp"
#include "actors/execution/work.hpp"
#include "actors/interactive/perform.hpp"
#include "actors/last_words.hpp"
#include "actors/node.hpp"
#include "actors/prebuild/shelf.hpp"
#include "actors/report/work.hpp"
#include "actors/store/open_store.hpp"
#include "http/config_checks.hpp"
#include "http/execute/attempt.hpp"
#include "http/execute/executions.hpp"
#include "http/gateway_listener.hpp"
#include "http/jobs/plan.hpp"
#include "http/relay/relay.hpp"
#include "sandbox/jailer.hpp"
#include "sandbox/keeper.hpp"
#include "sandbox/layer_watch.hpp"
#include "sandbox/runtimes/installed.hpp"

namespace lazaret::http {
namespace {

using actors::work_stage;
using sandbox::bytes;

constexpr std::uint64_t mebi = 1ULL << 20;

/// Hands each new jailer's connection to the client, until the keeper goes.
class jailer_connector {
 public:
  jailer_connector(sandbox::unique_fd keeper, sandbox::jailer& jails, sandbox::layer_watch& layers,
                   metrics::instruments& meters)
      : keeper_{std::move(keeper)}, thread_{[this, &jails, &layers, &meters] {
          for (bool first = true;; first = false) {
            auto connection = sandbox::next_connection(keeper_.get());
            if (!connection || !*connection) break;
            if (!first) {
              meters.jailer_restarted();
              spdlog::warn("the jailer was started again");
            }
            jails.replace(std::move(*connection));
            layers.jailer_changed();
          }
          if (!ending_) spdlog::error("the keeper of the jailer is gone: no jail can be made until a restart");
          jails.replace(sandbox::unique_fd{});
          layers.jailer_changed();
        }} {}
  ~jailer_connector() {
    ending_ = true;
    ::shutdown(keeper_.get(), SHUT_RDWR);  // wakes the thread, and tells the keeper to go
  }

 private:
  std::atomic<bool> ending_ = false;
  sandbox::unique_fd keeper_;
  std::jthread thread_;
};

actors::execution_options jail_limits(const config& c) {
  actors::execution_options o;
  o.wall = std::chrono::seconds{c.run_timeout_sec};
  o.cpu = std::chrono::seconds{c.rlimit_cpu_sec};
  o.address_space = bytes{static_cast<std::uint64_t>(c.rlimit_as_mb) * mebi};
  o.open_files = static_cast<std::uint32_t>(c.rlimit_nofile);
  o.pids = static_cast<std::uint32_t>(c.cgroup_pids_max);
  o.disk = bytes{static_cast<std::uint64_t>(c.disk_limit_mb) * mebi};
  return o;
}

download::registry_options registry_settings(const config& c) {
  download::registry_options o;
  o.index_url = c.pypi_index_url;
  o.cache.folder = c.data_dir / "cache";
  o.cache.limit = bytes{static_cast<std::uint64_t>(c.cache_max_bytes)};
  o.fetch.dns_resolvers = c.dns_resolvers;
  o.fetch.low_speed_time = std::chrono::seconds{c.download_stall_sec};
  o.denylist = c.package_denylist;
  return o;
}

download::npm_options npm_settings(const config& c) {
  download::npm_options o;
  o.registry_url = c.npm_registry_url;
  o.fetch.dns_resolvers = c.dns_resolvers;
  o.fetch.low_speed_time = std::chrono::seconds{c.download_stall_sec};
  return o;
}

struct registries {
  std::unique_ptr<download::registry> pypi;
  std::unique_ptr<download::npm_registry> npm;
};

/// Where accepted work is, and who we are there.
struct kept_work {
  actors::node_identity node;
  std::shared_ptr<durable::store> documents;
  std::unique_ptr<actors::last_words> crash;
  std::shared_ptr<batch::folder> job_files;
};

/// The members' order is the order of making; destruction runs it backwards: no stage outlives what it works with.
/// The rules, where dependencies come from, and what a phase may use up: all of it decides on what a release shows.
std::string terms_of_verdicts(const config& c) {
  std::string terms = analysis::rules_version() + ' ' + c.pypi_index_url;
  for (const auto limit : {c.run_timeout_sec, c.rlimit_cpu_sec, c.rlimit_as_mb, c.rlimit_nofile, c.cgroup_pids_max,
                           c.disk_limit_mb, c.max_download_bytes})
    terms += ' ' + std::to_string(limit);
  for (const auto& denied : c.package_denylist) terms += ' ' + denied;
  return terms;
}

class whole final : public composition {
 public:
  whole(kept_work work, registries from, std::unique_ptr<prebuild::shelf> prebuilds, const config& c, groundwork ground,
        metrics::instruments& meters)
      : work_{std::move(work)},
        runs_{std::make_shared<actors::store>(work_.documents, work_.node.name())},
        registry_{std::move(from.pypi)},
        npm_{std::move(from.npm)},
        denylist_{c.package_denylist},
        prebuilds_{std::move(prebuilds)},
        most_download_{static_cast<std::uint64_t>(c.max_download_bytes)},
        artifacts_{c.data_dir / "artifacts", static_cast<std::uint64_t>(c.artifact_cache_mb) * mebi},
        runtimes_{std::make_shared<const sandbox::installed_runtimes>(c.runtimes_dir.string())},
        relay_{make_relay(c, meters)},
        connector_{ground.keeper ? std::make_unique<jailer_connector>(std::move(ground.keeper), jails_, layers_, meters)
                                 : nullptr},
        pipeline_{options(c, std::move(ground.site), meters), runs_, meters} {}

  actors::pipeline& service() override { return pipeline_; }
  void drain(std::chrono::milliseconds patience) override { pipeline_.drain(patience); }

 private:
  actors::pipeline_options options(const config& c, actors::python_site site, metrics::instruments& meters) {
    actors::pipeline_options o;
    o.queue_limit = static_cast<std::size_t>(c.queue_limit);
    o.denylist = c.package_denylist;
    o.rate_limit = static_cast<std::size_t>(c.per_ip_rate_limit);
    o.rate_window = std::chrono::seconds{c.per_ip_rate_window_sec};
    o.places = {c.blob_dir, c.data_dir};
    o.lease = std::chrono::seconds{c.lease_sec};
    o.reuse.keep = std::chrono::seconds{c.verdict_ttl};
    o.reuse.rules_version = terms_of_verdicts(c);
    o.retention = std::chrono::hours{24 * c.retention_days};
    o.retention_max_bytes = static_cast<std::uint64_t>(c.retention_max_bytes);
    o.janitor_trouble = [](const std::string& trouble) {
      if (trouble.empty())
        spdlog::info("what has ended can be forgotten again");
      else
        spdlog::warn("what has ended can't be forgotten: {}", trouble);
    };
    o.stages[static_cast<std::size_t>(work_stage::execution)].concurrency = static_cast<std::size_t>(c.max_concurrency);
    o.interactive.concurrency = static_cast<std::size_t>(c.interactive_concurrency);
    o.interactive.queue_limit = static_cast<std::size_t>(c.interactive_queue_limit);
    o.interactive.patience = std::chrono::seconds{c.interactive_wait_sec};
    o.interactive.per_address = static_cast<std::size_t>(c.interactive_per_client);
    o.interactive.per_key = static_cast<std::size_t>(c.interactive_per_key);
    o.interactive.work = [this, &meters](const actors::execution_request& what, std::stop_token stop) {
      return perform(what, std::move(stop), meters);
    };
    o.batch.jobs = std::make_shared<batch::ledger>(work_.documents, work_.node.name());
    o.batch.files = work_.job_files;
    o.batch.works = c.inline_worker != 0;
    o.batch.concurrency = static_cast<std::size_t>(c.batch_concurrency);
    o.batch.queue_limit = static_cast<std::size_t>(c.batch_queue_limit);
    o.batch.retention = std::chrono::hours{c.job_retention_hours};
    o.batch.retention_max_bytes = static_cast<std::uint64_t>(c.job_retention_max_bytes);
    o.batch.work["jobs"] = batch::job_work(
        [this](const batch::job& job, std::vector<std::string> contents) {
          return jobs::make_plan(job, std::move(contents), *runtimes_);
        },
        jails_, meters,
        [](const sandbox::failure& why) { spdlog::error("a job could not be done: {}", why.describe()); },
        serve_outbound_);
    o.batch.work[std::string{executions_front}] = execution_work(
        c, runtimes_, o.interactive.work,
        [](const sandbox::failure& why) { spdlog::error("an execution could not be done: {}", why.describe()); });
    for (const auto stage : node_stages)
      if (!c.works_at(stage)) o.absent.emplace(stage);
    if (c.needs_jails()) {
      o.jailer_trouble = [this] { return jails_.connected() ? layers_.trouble() : "the jailer is not running"; };
      o.layers = [this] { return layers_.latest(); };
    }
    o.prebuilds = prebuilds_.get();

    actors::execution_parts execution{jails_,
                                      *registry_,
                                      *runs_,
                                      meters,
                                      serve_gateway,
                                      jail_limits(c),
                                      static_cast<std::uint64_t>(c.max_download_bytes),
                                      o.places};
    execution.limits.site = std::move(site);
    o.work = {actors::download_work(*registry_, static_cast<std::uint64_t>(c.max_download_bytes)),
              actors::execution_work(std::move(execution)), actors::analysis_work(o.places),
              actors::report_work(o.places)};
    if (!c.discord_webhook_url.empty()) o.deliver = actors::discord_delivery(c.discord_webhook_url, o.places);
    return o;
  }

  std::shared_ptr<actors::execution_answer> perform(const actors::execution_request& what, std::stop_token stop,
                                                    metrics::instruments& meters) {
    auto done = actors::perform(what, jails_, artifacts_, meters, stop, serve_outbound_,
                                [this](sandbox::unique_fd listener) { return serve_registry(std::move(listener)); });
    if (auto* answer = std::get_if<actors::execution_answer>(&done))
      return std::make_shared<actors::execution_answer>(std::move(*answer));
    spdlog::error("an execution could not be jailed: {}", std::get<sandbox::failure>(done).describe());
    meters.jail_ended(what.runtime, "failure");
    return nullptr;
  }

  /// Without ALLOW_OUTBOUND there is nobody to serve such a jail, whoever asks for one.
  static std::unique_ptr<relay> make_relay(const config& c, metrics::instruments& meters) {
    if (c.allow_outbound != "true") return nullptr;
    relay_options o;
    o.resolvers = c.dns_resolvers;
    for (const auto& port : c.outbound_ports) o.ports.push_back(static_cast<std::uint16_t>(std::stoi(port)));
    o.most_connections = static_cast<std::size_t>(c.outbound_max_connections);
    o.most_bytes = static_cast<std::uint64_t>(c.outbound_max_mb) * mebi;
    return std::make_unique<relay>(std::move(o), meters);
  }

  actors::outbound_server outbound_server() {
    if (!relay_) return {};
    return [this](sandbox::outbound_ends ends, const std::vector<std::string>& only_hosts) {
      return relay_->serve(std::move(ends), relay_terms{only_hosts});
    };
  }

  static std::shared_ptr<void> serve_gateway(sandbox::unique_fd listener, actors::gateway_answer answer) {
    return std::make_shared<gateway_listener>(std::move(listener), std::move(answer));
  }

  /// Both registries for one jail that is no triage: whatever it asks for, under one cap.
  std::shared_ptr<void> serve_registry(sandbox::unique_fd listener) {
    struct served {
      served(whole& of, std::string address)
          : budget{bytes{of.most_download_}, bytes{0}},
            pages{*of.registry_, budget, {}},
            packuments{*of.npm_, budget, {.own_address = std::move(address), .denylist = of.denylist_}} {}
      download::download_budget budget;
      download::gateway pages;
      download::npm_gateway packuments;
      std::optional<gateway_listener> listening;
    };
    auto made = std::make_shared<served>(*this, address_of(listener.get()));
    made->listening.emplace(std::move(listener), [by = made.get()](const auto& request, std::stop_token stop) {
      if (download::npm_gateway::is_for(request.target)) return by->packuments.answer(request, std::move(stop));
      return by->pages.answer(request, std::move(stop));
    });
    return made;
  }

  /// As the jail calls it.
  static std::string address_of(int listener) {
    sockaddr_in bound{};
    socklen_t size = sizeof bound;
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&bound), &size);
    return "http://127.0.0.1:" + std::to_string(ntohs(bound.sin_port));
  }

  kept_work work_;
  std::shared_ptr<actors::store> runs_;
  std::unique_ptr<download::registry> registry_;
  std::unique_ptr<download::npm_registry> npm_;
  const std::vector<std::string> denylist_;
  std::unique_ptr<prebuild::shelf> prebuilds_;
  std::uint64_t most_download_;
  actors::artifact_cache artifacts_;
  const std::shared_ptr<const sandbox::installed_runtimes> runtimes_;
  std::unique_ptr<relay> relay_;  ///< none without ALLOW_OUTBOUND
  const actors::outbound_server serve_outbound_ = outbound_server();
  sandbox::jailer jails_;
  sandbox::layer_watch layers_{jails_};
  std::unique_ptr<jailer_connector> connector_;  ///< none where no stage has jails
  actors::pipeline pipeline_;
};

}  // namespace

namespace {

void tell_of(const actors::last_word& crash, durable::settlement answer) {
  spdlog::error("signal {} ended this node while it worked on {} {}{}", crash.signal, crash.what.kind, crash.what.id,
                answer == durable::settlement::done ? "" : ", which has gone on since");
}

prebuild::shelf_options shelf_settings(const config& c, const actors::python_site& site) {
  prebuild::shelf_options o;
  o.folder = c.data_dir / "prebuilds";
  o.limits.size = bytes{static_cast<std::uint64_t>(c.max_disk_mb) * mebi};
  o.total = bytes{static_cast<std::uint64_t>(c.prebuilds_max_mb) * mebi};
  o.every = std::chrono::hours{c.cleanup_interval_hours};
  o.age = std::chrono::hours{24 * c.cleanup_max_age_days};
  o.pip = site.root / "dist-packages" / "pip";
  return o;
}

}  // namespace

sandbox::result<std::unique_ptr<composition>> compose(const config& settings, groundwork ground,
                                                      metrics::instruments& meters) {
  auto node = actors::node_identity::claim(settings.data_dir);
  if (!node) return node.error();
  auto documents = durable::open_store(settings.store_url, settings.data_dir);
  if (!documents) return documents.error();
  auto crash = actors::last_words::open(settings.data_dir, *documents, tell_of);
  if (!crash) return crash.error();
  auto files = batch::folder::open(settings.blob_dir);
  if (!files) return files.error();
  auto registry = download::registry::open(registry_settings(settings), meters);
  if (!registry) return sandbox::failure{"open_registry", 0, registry.error().text, {}};
  auto npm = download::npm_registry::open(npm_settings(settings), (*registry)->cache(), meters);
  if (!npm) return sandbox::failure{"open_registry", 0, npm.error().text, "NPM_REGISTRY_URL"};
  auto prebuilds = prebuild::shelf::open(shelf_settings(settings, ground.site));
  if (!prebuilds) return prebuilds.error();
  return std::make_unique<whole>(kept_work{std::move(*node), std::move(*documents), std::move(*crash),
                                           std::make_shared<batch::folder>(std::move(*files))},
                                 registries{std::move(*registry), std::move(*npm)}, std::move(*prebuilds), settings,
                                 std::move(ground), meters);
}

}  // namespace lazaret::http
