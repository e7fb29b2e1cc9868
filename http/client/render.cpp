#include "http/client/render.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "http/client/terminal.hpp"

namespace lazaret::client {
namespace {

namespace json = boost::json;

const json::array& list_of(const json::value& object, std::string_view name) {
  static const json::array none;
  const auto* holder = object.if_object();
  const auto* member = holder != nullptr ? holder->if_contains(name) : nullptr;
  const auto* found = member != nullptr ? member->if_array() : nullptr;
  return found != nullptr ? *found : none;
}

/// Columns as wide as their widest cell.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    out += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  return out;
}

}  // namespace

std::string text_of(const json::value& object, std::string_view name) {
  const auto* holder = object.if_object();
  const auto* member = holder != nullptr ? holder->if_contains(name) : nullptr;
  if (member == nullptr || member->is_null()) return {};
  if (const auto* text = member->if_string()) return neutral({text->data(), text->size()});
  return neutral(json::serialize(*member));
}

int exit_code(const json::value& run) {
  if (text_of(run, "status") != "completed") return 2;
  const auto verdict = text_of(run, "verdict");
  if (verdict == "benign") return 0;
  return verdict == "suspicious" || verdict == "malicious" ? 1 : 2;
}

std::string event_line(const event& e) {
  boost::system::error_code ec;
  const auto data = json::parse(e.data, ec);
  if (ec) return {};
  if (e.type == "status") return "run " + text_of(data, "status");
  if (e.type != "stage") return {};
  const auto detail = text_of(data, "detail");
  return fmt::format("{:<10} {}{}", text_of(data, "stage"), text_of(data, "state"),
                     detail.empty() ? "" : ": " + detail);
}

std::string run_summary(const json::value& run, const address& server) {
  const auto id = text_of(run, "run_id"), verdict = text_of(run, "verdict"), error = text_of(run, "error");
  std::string out = fmt::format("\n{} {}  ({}, run {})\n", text_of(run, "package_name"), text_of(run, "version"),
                                text_of(run, "mode"), id);
  if (verdict.empty()) {
    out += "no verdict: the run " + text_of(run, "status") + '\n';
  } else {
    out += fmt::format("verdict: {}, score {} of 100\n", verdict, text_of(run, "score"));
  }
  if (!error.empty()) out += "error: " + error + '\n';
  if (const auto summary = text_of(run, "summary"); !summary.empty()) out += summary + '\n';
  for (const auto& finding : list_of(run, "findings")) {
    out += fmt::format("\n  [{}] {} ({})\n", text_of(finding, "severity"), text_of(finding, "title"),
                       text_of(finding, "rule"));
    for (const auto& line : list_of(finding, "evidence")) {
      if (const auto* text = line.if_string()) out += "      " + neutral({text->data(), text->size()}) + '\n';
    }
  }
  if (text_of(run, "delivery") == "failed")
    out += "\nthe webhook could not be delivered: " + text_of(run, "delivery_error") + '\n';
  const bool v6 = server.host.find(':') != server.host.npos;
  out += fmt::format("\nreport: http://{}:{}{}/v1/runs/{}/report.html  (or: lazaret report {} --html -o FILE)\n",
                     v6 ? "[" + server.host + "]" : server.host, server.port, server.prefix, id, id);
  return out;
}

std::string run_table(const json::value& list) {
  std::vector<std::vector<std::string>> rows{
      {"RUN", "CREATED", "PACKAGE", "VERSION", "MODE", "STATUS", "VERDICT", "SCORE"}};
  for (const auto& run : list_of(list, "runs")) {
    auto& row = rows.emplace_back();
    for (auto name : {"run_id", "created_at", "package_name", "version", "mode", "status", "verdict", "score"}) {
      row.push_back(text_of(run, name));
      if (row.back().empty()) row.back() = "-";
    }
  }
  return table(rows);
}

std::string stage_table(const json::value& stages) {
  std::vector<std::vector<std::string>> rows{{"STAGE", "QUEUED", "IN FLIGHT", "CONCURRENCY", "QUEUE LIMIT", "HEALTHY"}};
  for (const auto& stage : list_of(stages, "stages")) {
    auto& row = rows.emplace_back();
    for (auto name : {"name", "queue_depth", "in_flight", "concurrency", "queue_limit", "healthy"})
      row.push_back(text_of(stage, name));
  }
  return table(rows);
}

std::string error_text(const reply& r) {
  boost::system::error_code ec;
  const auto body = json::parse(r.body, ec);
  const auto detail = ec ? std::string{} : text_of(body, "detail");
  return detail.empty() ? fmt::format("the service answered with status {}", r.status)
                        : fmt::format("{} ({})", detail, r.status);
}

}  // namespace lazaret::client
