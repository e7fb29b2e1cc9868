#include "sandbox/command/command_line.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "sandbox/try.hpp"
#include "sandbox/validate.hpp"

namespace lazaret::sandbox::command {
namespace {

failure wrong(std::string subject, std::string hint) { return {"usage", 0, std::move(subject), std::move(hint)}; }

struct unit {
  std::string_view name;
  double factor;
};

/// A decimal number and a unit; nothing else, no sign, no exponent.
result<double> parse_amount(std::string_view text, std::initializer_list<unit> units, const char* expected) {
  const auto digits = text.substr(0, text.find_first_not_of("0123456789."));
  const auto rest = text.substr(digits.size());
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const auto known = std::ranges::find(units, rest, &unit::name);
  if (error != std::errc{} || end != digits.data() + digits.size() || known == units.end())
    return wrong("`" + std::string{text} + "`", expected);
  return value * known->factor;
}

result<std::uint32_t> parse_count(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return wrong("`" + std::string{text} + "`", "expected a whole number");
  return value;
}

result<bind_mount> parse_bind(std::string_view text) {
  const auto colon = text.find(':');
  const auto rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  const auto target = rest.substr(0, rest.find(':'));
  const auto mode = rest.substr(std::min(target.size() + 1, rest.size()));
  const bool has_mode = target.size() < rest.size();
  bind_mount bind{.source = std::string{text.substr(0, colon)}, .target = std::string{target}};
  if (colon == std::string_view::npos || (has_mode && mode != "rw" && mode != "ro"))
    return wrong("--bind " + std::string{text}, "expected SRC:DST or SRC:DST:rw");
  for (const auto& path : {bind.source, bind.target})
    if (!is_plain_path(path))
      return wrong("--bind " + std::string{text},
                   "`" + path + "` is not an absolute path without `.`, `..`, `//` or a slash at the end");
  bind.writable = mode == "rw";
  return bind;
}

/// Later assignments of one name win.
void assign(std::vector<std::string>& environment, std::string entry) {
  const auto name = entry.substr(0, entry.find('=') + 1);
  std::erase_if(environment, [&](const std::string& old) { return old.starts_with(name); });
  environment.push_back(std::move(entry));
}

constexpr option all_options[] = {
    {"--preset", "NAME", "start from the policy of that name (see PRESETS); the other options change it"},
    {"--wall", "SEC", "real time, from the program's start to the end of its last process"},
    {"--cpu", "SEC", "user and system time of all its processes together"},
    {"--mem", "BYTES", "memory of all its processes together, with swap and what it writes to tmpfs"},
    {"--pids", "N", "processes and threads at a time; one of them is the jail's init"},
    {"--output", "BYTES", "what stdout and stderr may pass on, each"},
    {"--net", "MODE", "`none`: an empty network namespace, not even loopback is up"},
    {"--bind", "SRC:DST[:rw]", "show a directory or file of the host inside; read-only unless `rw` follows"},
    {"--env", "NAME=VALUE", "set a variable; nothing of the caller's environment is inherited"},
    {"--chdir", "DIR", "the working directory inside"},
    {"--proc", nullptr, "mount /proc: the jail's own processes and nothing else of it"},
    {"--json", nullptr, "print the outcome as one line of JSON to stderr, last"},
    {"--explain", nullptr, "print the policy in force, with what loosening each field would mean, and run nothing"},
    {"--self-test", nullptr, "probe each layer in a jail, print the table, and run nothing"},
    {"--help", nullptr, "print this page"},
};

result<void> apply(command_line& line, std::string_view name, std::string_view value) {
  auto& limits = line.policy.limits;
  const auto into = [&](auto& field, auto parsed) -> result<void> {
    if (!parsed) return wrong(std::string{name} + " " + parsed.error().subject, parsed.error().hint);
    field = *parsed;
    return {};
  };
  if (name == "--wall") return into(limits.wall, parse_time(value));
  if (name == "--cpu") return into(limits.cpu, parse_time(value));
  if (name == "--mem") return into(limits.memory, parse_size(value));
  if (name == "--pids") return into(limits.pids, parse_count(value));
  if (name == "--output") return into(limits.output, parse_size(value));
  if (name == "--net" && value == "outbound")
    return wrong("--net outbound", "its relay is the service's: POST /v1/execute with `network`: `outbound`");
  if (name == "--net" && value != "none")
    return wrong("--net " + std::string{value}, "the one mode without a service is `none`");
  if (name == "--bind") {
    auto bind = parse_bind(value);
    if (!bind) return bind.error();
    (bind->writable ? line.lent : line.shown).push_back(bind->source);
    line.policy.binds.push_back(std::move(*bind));
  }
  if (name == "--env") {
    if (value.find('=') == std::string_view::npos || value.front() == '=')
      return wrong("--env " + std::string{value}, "expected NAME=VALUE");
    assign(line.policy.environment, std::string{value});
  }
  if (name == "--chdir") line.policy.working_directory = value;
  if (name == "--proc") line.policy.mount_proc = true;
  if (name == "--json") line.json = true;
  if (name == "--explain") line.what = deed::explain;
  if (name == "--self-test") line.what = deed::self_test;
  if (name == "--help") line.what = deed::help;
  return {};
}

}  // namespace

std::span<const option> options() { return all_options; }

result<bytes> parse_size(std::string_view text) {
  constexpr double k = 1024;
  const auto amount = parse_amount(text,
                                   {{"", 1},
                                    {"B", 1},
                                    {"K", k},
                                    {"M", k * k},
                                    {"G", k * k * k},
                                    {"T", k * k * k * k},
                                    {"KiB", k},
                                    {"MiB", k * k},
                                    {"GiB", k * k * k},
                                    {"TiB", k * k * k * k}},
                                   "expected bytes, such as 65536, 64M or 1.5G");
  if (!amount) return amount.error();
  if (*amount > 1e18) return wrong("`" + std::string{text} + "`", "more than there is");
  return bytes{static_cast<std::uint64_t>(std::llround(*amount))};
}

result<std::chrono::milliseconds> parse_time(std::string_view text) {
  const auto amount = parse_amount(text, {{"", 1000}, {"s", 1000}, {"ms", 1}, {"m", 60'000}, {"h", 3'600'000}},
                                   "expected seconds, such as 5 or 2.5");
  if (!amount) return amount.error();
  if (*amount > 1e12) return wrong("`" + std::string{text} + "`", "more than 24 h");
  return std::chrono::milliseconds{std::llround(*amount)};
}

result<command_line> parse(std::span<char* const> words) {
  struct given {
    const option* what;
    std::string_view value;
  };
  std::vector<given> all;
  command_line line;
  std::string_view preset_name = "default";
  auto word = words.begin();
  for (; word != words.end() && std::string_view{*word} != "--"; ++word) {
    // `--name value` and `--name=value`
    const std::string_view text = *word;
    const auto name = text.substr(0, text.find('='));
    const auto known = std::ranges::find(all_options, name, &option::name);
    if (known == std::end(all_options))
      return wrong("`" + std::string{text} + "`",
                   text.starts_with('-') ? "no such option; see `lazaret jail --help`" : "CMD comes after `--`");
    const bool joined = name.size() < text.size();
    if (known->argument == nullptr && joined) return wrong(std::string{text}, "takes no value");
    std::string_view value;
    if (known->argument != nullptr) {
      if (!joined && ++word == words.end()) return wrong(std::string{name}, std::string{"needs "} + known->argument);
      value = joined ? text.substr(name.size() + 1) : std::string_view{*word};
      if (value.empty()) return wrong(std::string{name}, std::string{"needs "} + known->argument);
    }
    if (name == "--preset") preset_name = value;
    all.push_back({known, value});
  }
  line.from = find_preset(preset_name);
  if (line.from == nullptr) {
    std::string names;
    for (const preset& one : presets()) names += (names.empty() ? "" : ", ") + std::string{one.name};
    return wrong("--preset " + std::string{preset_name}, "one of " + names);
  }
  line.policy = make_policy(*line.from);
  for (const auto& [what, value] : all) LAZARET_TRY(apply(line, what->name, value));
  if (word != words.end()) line.policy.argv.assign(word + 1, words.end());
  if (line.what != deed::run) return line;
  if (word == words.end()) return wrong("no CMD", "usage: lazaret jail [OPTION...] -- CMD [ARG...]");
  if (line.policy.argv.empty()) return wrong("no CMD after `--`", "usage: lazaret jail [OPTION...] -- CMD [ARG...]");
  if (auto valid = validate(line.policy, 0); !valid) return wrong(valid.error().subject, valid.error().hint);
  return line;
}

}  // namespace lazaret::sandbox::command
