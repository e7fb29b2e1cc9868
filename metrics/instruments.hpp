#pragma once
/// Every counter, gauge and histogram of Lazaret, built once. Label values come from closed sets and every series
/// exists from the start (at 0), so that a rate() over a fresh process has no gaps. An unlisted label value is counted
/// as `other`. All members are thread-safe and cheap (an atomic add, found through a perfect-size table).

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace lazaret::metrics {

inline constexpr std::array<std::string_view, 9> stages{
    "ingress", "rate_limit", "queue", "download", "execution", "analysis", "report", "interactive", "batch"};

class instruments {
 public:
  instruments();
  ~instruments();
  instruments(const instruments&) = delete;
  instruments& operator=(const instruments&) = delete;

  void stage_queue_depth(std::string_view stage, double depth);
  void stage_in_flight(std::string_view stage, double count);
  void stage_concurrency(std::string_view stage, double workers);
  /// outcome: `done`, `failed`, `canceled`, `crashed`
  void stage_finished(std::string_view stage, std::string_view outcome, std::chrono::duration<double> took);
  void stage_restarted(std::string_view stage);
  /// A run or job that ended its worker in that stage, or was lost with its node there, so often that nobody tries
  /// again.
  void poisoned(std::string_view stage);
  void jailer_restarted();
  /// One run or job that has ended is forgotten, with its folder. kind: `run`, `job`; reason: `age`, `size`, `orphan`
  /// (a folder without one)
  void forgotten(std::string_view kind, std::string_view reason, double bytes);
  /// What the folders of those that have ended take, as far as they are measured.
  void kept(std::string_view kind, double bytes);
  void janitor_restarted();
  /// Of what was to run at once, why it did not: `full` (the line), `waited` (too long), `displaced` (by somebody who
  /// had less in the line), `left` (the client)
  void interactive_refused(std::string_view reason);
  /// frontend: `triage`, `snekbox`, `execute`, `stream`, `jobs`; outcome: `accepted`, `denied`, `rate_limited`,
  /// `queue_full`, `invalid`, `unauthorized`, `unavailable`
  void submission(std::string_view frontend, std::string_view outcome);
  /// ecosystem: `pypi`; verdict: `benign`, `suspicious`, `malicious`, `inconclusive`
  void verdict(std::string_view ecosystem, std::string_view verdict);
  /// runtime: `python`, `node`, ..., `command`; outcome: sandbox::name(ending), or `failure` when no jail could be made
  void jail_ended(std::string_view runtime, std::string_view outcome);
  /// `was_prepared`: path `warm`, the jail had been made before it was asked for; else `cold`.
  void jail_started(bool was_prepared, std::chrono::duration<double> took);
  /// source: `index`, `cache`
  void downloaded(std::string_view ecosystem, std::string_view source, double bytes);
  /// outcome: `delivered`, `retried`, `failed`
  void webhook(std::string_view outcome);
  /// Connections that jails made outwards. outcome: `relayed`, `refused_address`, `refused_port`, `refused_name`,
  /// `over_limit`, `unreachable`
  void relay_connection(std::string_view outcome);
  /// direction: `out`, `in`
  void relay_bytes(std::string_view direction, double bytes);
  /// Names that jails asked for. outcome: `answered`, `refused`, `failed`
  void relay_lookup(std::string_view outcome);
  /// route: the pattern, e.g. `/v1/runs/{id}`; method: `GET`, ...; code: 200, ...
  void http_request(std::string_view route, std::string_view method, int code, std::chrono::duration<double> took);

  /// Prometheus text exposition, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/),
  /// with the process_* figures of this moment.
  [[nodiscard]] std::string exposition() const;

 private:
  struct families;
  std::unique_ptr<families> families_;
};

}  // namespace lazaret::metrics
