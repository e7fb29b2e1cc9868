// From the environment and a file to a config that holds together; the table itself is config.cpp's.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <charconv>
#include <map>

#include "http/config.hpp"
#include "http/config_checks.hpp"
#include "http/quartermaster/amount.hpp"

namespace lazaret::http {
namespace {

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};

bool is_integer(const setting& s) { return std::holds_alternative<setting::integer>(s.into); }

std::string trimmed(std::string_view text) {
  auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return std::string{text.substr(first, text.find_last_not_of(" \t") - first + 1)};
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    auto comma = std::min(text.find(','), text.size());
    if (auto item = trimmed(text.substr(0, comma)); !item.empty()) items.push_back(std::move(item));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

/// Puts the written value where the row says. Returns what is wrong with it, or nothing.
std::string assign(config& into, const setting& row, const std::string& written) {
  auto checked = [&](std::string_view value) { return row.valid ? row.valid(value) : std::string{}; };
  return std::visit(overloaded{
                        [&](setting::text member) {
                          into.*member = written;
                          return written.empty() ? std::string{} : checked(written);
                        },
                        [&](setting::path member) {
                          into.*member = written;
                          return checked(written);
                        },
                        [&](setting::integer member) -> std::string {
                          std::int64_t number = 0;
                          auto [end, ec] = std::from_chars(written.data(), written.data() + written.size(), number);
                          if (ec != std::errc{} || end != written.data() + written.size() || number < row.least ||
                              number > row.most) {
                            return fmt::format("must be an integer from {} to {}", row.least, row.most);
                          }
                          into.*member = number;
                          return {};
                        },
                        [&](setting::list member) {
                          into.*member = split(written);
                          for (const auto& item : into.*member) {
                            if (auto wrong = checked(item); !wrong.empty()) return wrong;
                          }
                          return std::string{};
                        },
                    },
                    row.into);
}

/// A TOML value as one would write it in the environment; nothing when its type does not fit the row.
std::optional<std::string> from_toml(const setting& row, const toml::node& node) {
  if (is_integer(row)) {
    auto number = node.as_integer();
    return number ? std::optional{std::to_string(number->get())} : std::nullopt;
  }
  if (auto text = node.as_string()) return text->get();
  auto items = node.as_array();
  if (items == nullptr || !std::holds_alternative<setting::list>(row.into)) return std::nullopt;
  std::string joined;
  for (const auto& item : *items) {
    if (!item.is_string()) return std::nullopt;
    joined += (joined.empty() ? "" : ",") + item.as_string()->get();
  }
  return joined;
}

using written_values = std::map<std::string_view, std::string>;

void read_file(const std::filesystem::path& file, written_values& values, std::string& wrong) {
  toml::table document;
  try {
    document = toml::parse_file(file.string());
  } catch (const toml::parse_error& e) {
    const auto& at = e.source().begin;
    wrong += fmt::format("\n  {}: {} (line {}, column {})", file.string(), e.description(), at.line, at.column);
    return;
  }
  for (const auto& [key, node] : document) {
    auto row = std::ranges::find_if(settings(), [&](const setting& s) { return s.name == key.str(); });
    if (row == settings().end()) {
      wrong += fmt::format("\n  {}: unknown key `{}`", file.string(), key.str());
    } else if (auto value = from_toml(*row, node)) {
      values[row->name] = *value;
    } else {
      wrong += fmt::format("\n  {}: `{}` has the wrong type", file.string(), key.str());
    }
  }
}

/// Without a token nobody but this machine may talk to the service.
void settle_host(config& into, bool was_left_at_default, std::string& wrong) {
  if (!into.api_token.empty() || is_loopback(into.host)) return;
  if (!was_left_at_default) {
    wrong += "\n  HOST: must be a loopback address while there is no API_TOKEN";
    return;
  }
  into.host = "127.0.0.1";
  into.notices.emplace_back("no API_TOKEN is set: listening on 127.0.0.1 only");
}

/// A default above the maximum would refuse every request that doesn't name the field.
void settle_maxima(const config& loaded, std::string& wrong) {
  const auto check = [&](std::string_view name, double standard, std::string_view most_name, double most) {
    if (standard > most) wrong += fmt::format("\n  {}: must not be more than {}", name, most_name);
  };
  const auto mebibytes = [](const std::string& amount) {
    return static_cast<double>(read_amount(amount).value_or(0)) / (1 << 20);
  };
  check("DEFAULT_TIMEOUT", static_cast<double>(loaded.default_timeout), "MAX_TIMEOUT",
        static_cast<double>(loaded.max_timeout));
  check("DEFAULT_MEMORY", mebibytes(loaded.default_memory), "MAX_MEMORY_MB", static_cast<double>(loaded.max_memory_mb));
  check("DEFAULT_DISK", mebibytes(loaded.default_disk), "MAX_DISK_MB", static_cast<double>(loaded.max_disk_mb));
  if (loaded.default_allow_network == "true" && loaded.allow_outbound != "true")
    wrong += "\n  DEFAULT_ALLOW_NETWORK: must not be true without ALLOW_OUTBOUND";
  if (check_cores(loaded.max_cpu_cores).empty())
    check("DEFAULT_CPU_SHARES", static_cast<double>(loaded.default_cpu_shares) / 1024, "MAX_CPU_CORES",
          std::stod(loaded.max_cpu_cores));
}

/// What the role leaves open, and what doesn't go together.
void settle_stages(config& into, std::string& wrong) {
  if (into.stages.empty() && into.role != "front")
    for (const auto stage : node_stages)
      if (into.role == "all" || stage != "interactive") into.stages.emplace_back(stage);
  if (!into.takes_requests() && into.works_at("interactive"))
    wrong += "\n  STAGES: `interactive` answers requests, and a worker takes none";
  if (!into.takes_requests() && !into.frontends.empty())
    wrong += "\n  FRONTENDS: must be empty for a worker, which takes no requests";
  const bool embedded = into.store_url.starts_with("sqlite:");
  if (embedded && into.stages.size() < node_stages.size() && into.takes_requests())
    into.notices.emplace_back(
        "ROLE or STAGES leave stages to other nodes, and the store is embedded: who shares STORE_URL?");
}

}  // namespace

bool config::works_at(std::string_view stage) const { return std::ranges::find(stages, stage) != stages.end(); }
bool config::needs_jails() const { return works_at("execution") || works_at("interactive") || works_at("batch"); }

sandbox::result<config> load_config(const std::optional<std::filesystem::path>& file, const environment& env) {
  std::string wrong;
  written_values values;
  if (file) read_file(*file, values, wrong);
  for (const auto& row : settings()) {
    // An empty variable is what compose files make of an unset one. "None" is said in the file: `""` or `[]`.
    if (const char* value = env(row.name.data()); value != nullptr && *value != '\0') values[row.name] = value;
  }
  config loaded;
  for (const auto& row : settings()) {
    auto written = values.find(row.name);
    auto problem = assign(loaded, row, written == values.end() ? std::string{row.standard} : written->second);
    if (problem.empty()) continue;
    wrong += fmt::format("\n  {}: {}", row.name, problem);
    if (!row.secret && written != values.end()) wrong += fmt::format(", not `{}`", written->second);
  }
  // What isn't there when the service starts is not there for it: the jailer shows only what it was told of then.
  for (auto* folder : {&loaded.snekbox_bin_dir, &loaded.snekbox_user_base}) {
    std::error_code missing;
    if (!std::filesystem::is_directory(*folder, missing)) folder->clear();
  }
  settle_maxima(loaded, wrong);
  const bool shares_blobs = !loaded.blob_dir.empty() || !loaded.job_data_dir.empty();
  if (loaded.store_url == "sqlite:" && !loaded.redis_url.empty()) loaded.store_url = loaded.redis_url;
  if (loaded.blob_dir.empty()) loaded.blob_dir = loaded.job_data_dir;
  if (loaded.blob_dir.empty()) loaded.blob_dir = loaded.data_dir / "blobs";
  settle_stages(loaded, wrong);
  if (!loaded.store_url.starts_with("sqlite:") && !shares_blobs)
    loaded.notices.emplace_back("BLOB_DIR is not set: other nodes of this STORE_URL won't find this one's files");
  if (loaded.inline_worker == 0)
    loaded.notices.emplace_back("INLINE_WORKER is 0: this service takes jobs and runs none of them");
  settle_host(loaded, !values.contains("HOST"), wrong);
  if (!wrong.empty()) return sandbox::failure{"settings", 0, "these are wrong:" + wrong, {}};
  return loaded;
}

bool is_loopback(std::string_view address) {
  const std::string text{address};
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace lazaret::http
