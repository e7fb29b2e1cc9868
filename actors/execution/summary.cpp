#include "actors/execution/summary.hpp"

#include <vector>

#include "actors/json.hpp"

namespace lazaret::actors {

namespace {

/// phase.py's EXIT_REFUSED.
constexpr int nothing_to_run = 64;
constexpr std::string_view driver_says = "lazaret: ";

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::string printable(std::string_view line) {
  std::string text = valid_utf8(line);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

/// `lazaret: imported 4 of 7 modules`, the driver's last words. The package could write them as well.
bool is_count(std::string_view line) {
  return line.size() < 80 && (line.starts_with("lazaret: imported ") || line.starts_with("lazaret: called "));
}

}  // namespace

std::string cut_middle(std::string_view text, std::size_t limit) {
  static constexpr std::string_view gap = "...";
  if (text.size() <= limit) return std::string{text};
  if (limit <= gap.size()) return std::string{gap.substr(0, limit)};
  std::size_t head = (limit - gap.size() + 1) / 2;
  std::size_t tail = text.size() - (limit - gap.size()) / 2;
  while (head > 0 && is_continuation(text[head])) --head;
  while (tail < text.size() && is_continuation(text[tail])) ++tail;
  return std::string{text.substr(0, head)} + std::string{gap} + std::string{text.substr(tail)};
}

std::string last_lines(std::string_view text, std::size_t count) {
  std::vector<std::string> lines;
  while (!text.empty() && lines.size() < count) {
    const std::size_t start = text.find_last_of("\r\n");
    const std::string_view line = start == std::string_view::npos ? text : text.substr(start + 1);
    text = start == std::string_view::npos ? std::string_view{} : text.substr(0, start);
    const std::size_t first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos) continue;
    lines.push_back(printable(line.substr(first, line.find_last_not_of(" \t") + 1 - first)));
  }
  std::string joined;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) joined += (joined.empty() ? "" : " | ") + *line;
  return joined;
}

std::string install_summary(const phase& p, std::string_view stdout_tail, std::string_view stderr_tail,
                            bool download_cap_hit) {
  if (p.ok) return "install ok";
  if (download_cap_hit) return "pip install failed: download byte cap exceeded";
  std::string why = last_lines(stderr_tail, 6);
  if (why.empty()) why = last_lines(stdout_tail, 6);
  if (p.outcome.reason != sandbox::ending::exited || why.empty()) {
    why = sandbox::describe(p.outcome) + (why.empty() ? "" : " | " + why);
  }
  return "pip install failed: " + cut_middle(why, 350);
}

std::string run_summary(const phase& p, std::string_view stdout_tail, std::string_view stderr_tail) {
  if (p.outcome.reason == sandbox::ending::exited && p.outcome.code == nothing_to_run) {
    const std::string last = last_lines(stderr_tail, 1);
    if (last.starts_with(driver_says)) return cut_middle(last.substr(driver_says.size()), 350);
  }
  std::string line = p.ok ? "run ok" : "run failed";
  if (p.timed_out) line += " (timed out)";
  line += "; stdout=" + std::to_string(p.stdout_bytes) + "B stderr=" + std::to_string(p.stderr_bytes) + "B";
  if (const std::string last = last_lines(stdout_tail, 1); is_count(last))
    line += "; " + last.substr(driver_says.size());
  return line;
}

}  // namespace lazaret::actors
