#include "actors/analysis/highlights.hpp"

#include <algorithm>

#include "actors/analysis/findings.hpp"

namespace lazaret::analysis {
namespace {

constexpr std::size_t most_entries = 500, longest_entry = 500, longest_command = 120, most_names = 4096, top = 25;

}  // namespace

std::string cut_in_middle(std::string_view text, std::size_t longest) {
  if (text.size() <= longest || longest < 5) return std::string{text.substr(0, longest)};
  const auto kept = longest - 3;
  auto head = (kept + 1) / 2, tail = text.size() - kept / 2;
  // Not inside a UTF-8 sequence.
  const auto continues = [&](std::size_t i) { return (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80; };
  while (head > 0 && continues(head)) --head;
  while (tail < text.size() && continues(tail)) ++tail;
  return std::string{text.substr(0, head)} + "..." + std::string{text.substr(tail)};
}

void highlighter::add(std::vector<std::string>& to, std::string entry) {
  if (to.size() >= most_entries) return;
  // The lists share one set; a list's address keeps their entries apart.
  auto key = std::to_string(&to == &lists_.files_read ? 1 : &to == &lists_.files_written ? 2 : 3) + entry;
  if (seen_.insert(std::move(key)).second) to.push_back(std::move(entry));
}

void highlighter::take(const deed& d) {
  const auto object = one_line(d.object, longest_entry);
  switch (d.what) {
    case act::write:
      if (d.event == "open" || d.event.starts_with("shutil.") || d.event == "os.rename" || d.event == "os.symlink" ||
          d.event == "os.link" || d.event == "os.truncate" || d.event == "rename")
        add(lists_.files_written, object);
      break;
    case act::read:
      if (!is_standard_library(d.object)) add(lists_.files_read, object);
      break;
    case act::dns:
      add(lists_.network, "dns " + object);
      break;
    case act::connect:
      add(lists_.network, "connect " + object);
      break;
    case act::sendto:
      add(lists_.network, "sendto " + object);
      break;
    case act::bind:
      add(lists_.network, "bind " + object);
      break;
    case act::listen:
      add(lists_.network, "listen " + object);
      break;
    case act::tls:
      add(lists_.network, "tls " + object);
      break;
    case act::spawn:
      add(lists_.subprocesses, cut_in_middle(one_line(d.detail.empty() ? d.object : d.detail, 4000), longest_command));
      break;
    default:
      break;
  }
}

void highlighter::count(const audit_line& line) {
  const auto add_up = [&](std::string_view name, std::uint64_t times) {
    if (const auto it = counts_.find(name); it != counts_.end())
      it->second += times;
    else if (counts_.size() < most_names)
      counts_.emplace(one_line(name, 100), times);
  };
  if (line.event == "lazaret.skipped") {
    const auto& pairs = line.args.items;
    for (std::size_t i = 0; i + 1 < pairs.size(); i += 2)
      if (pairs[i].is_text() && pairs[i + 1].number > 0)
        add_up(pairs[i].text, static_cast<std::uint64_t>(std::min<std::int64_t>(pairs[i + 1].number, 1'000'000'000)));
  } else if (line.event != "lazaret.start") {
    add_up(line.event, 1);
  }
}

actors::highlights highlighter::list() const {
  auto out = lists_;
  out.top_events.assign(counts_.begin(), counts_.end());
  std::stable_sort(out.top_events.begin(), out.top_events.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (out.top_events.size() > top) out.top_events.resize(top);
  return out;
}

}  // namespace lazaret::analysis
