#include <algorithm>

#include "actors/report/document.hpp"
#include "actors/report/style.hpp"
#include "actors/report/text.hpp"

namespace lazaret::report {
namespace {

using actors::run;

constexpr std::size_t most_items = 200;  ///< of a list on the page; the JSON report has them all

/// `2026-01-31 23:59 UTC`
std::string moment(std::chrono::system_clock::time_point t) {
  auto text = actors::iso8601(t).substr(0, 16);
  text[10] = ' ';
  return text + " UTC";
}

class page {
 public:
  page(const run& r, const std::filesystem::path& folder) : run_{r}, folder_{folder} {}

  std::string make() {
    head();
    banner();
    out_ += "<main>";
    summary();
    findings();
    phases();
    release();
    dependencies();
    highlights();
    uncovered();
    outputs();
    stages();
    out_ += "</main>";
    footer();
    return std::move(out_);
  }

 private:
  void raw(std::string_view markup) { out_ += markup; }
  void text(std::string_view hostile) { out_ += html(hostile); }
  /// `<open>` text `</close>` where open may carry attributes of our own.
  void element(std::string_view open, std::string_view hostile, std::string_view close) {
    ((out_ += '<') += open) += '>';
    text(hostile);
    ((out_ += "</") += close) += '>';
  }
  void heading(std::string_view title, const std::string& note = {}) {
    (out_ += "<h2>") += title;
    if (!note.empty()) element("small", note, "small");
    raw("</h2>");
  }
  void pair(std::string_view name, std::string_view hostile, bool code = false) {
    if (hostile.empty()) return;
    ((out_ += "<dt>") += name) += "</dt><dd>";
    code ? element("code", hostile, "code") : text(hostile);
    raw("</dd>");
  }
  void usage(std::string_view name, const std::string& value) {
    ((out_ += "<div><dt>") += name) += "</dt>";
    element("dd", value, "dd");
    raw("</div>");
  }

  [[nodiscard]] std::string_view verdict_word() const {
    if (run_.analysis) return name(run_.analysis->verdict);
    return run_.status == actors::status::failed ? "failed" : name(run_.status);
  }
  [[nodiscard]] std::string_view verdict_class() const {
    if (run_.analysis) return name(run_.analysis->verdict);
    return run_.status == actors::status::failed || run_.status == actors::status::canceled ? "inconclusive"
                                                                                            : "running";
  }

  void head() {
    raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '");
    raw(style_digest());
    raw("'; base-uri 'none'; form-action 'none'\"><meta name=\"referrer\" content=\"no-referrer\">"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" "
        "content=\"noindex\">");
    element("title", run_.asked.package_name + " " + run_.asked.version + ": " + std::string{verdict_word()}, "title");
    ((out_ += "<style>") += style_sheet()) += "</style></head><body class=\"";
    (out_ += verdict_class()) += "\">";
  }

  /// A circle of radius 52 has a circumference of 326.7.
  void ring(int score) {
    const auto arc = std::to_string(326.7 * score / 100);
    raw("<svg class=\"ring\" viewBox=\"0 0 120 120\" role=\"img\" aria-label=\"score ");
    raw(std::to_string(score));
    raw(" of 100\"><circle class=\"track\" cx=\"60\" cy=\"60\" r=\"52\" fill=\"none\" stroke-width=\"9\"/>");
    if (score > 0) {
      raw("<circle class=\"arc\" cx=\"60\" cy=\"60\" r=\"52\" fill=\"none\" stroke-width=\"9\" "
          "stroke-linecap=\"round\" "
          "transform=\"rotate(-90 60 60)\" stroke-dasharray=\"");
      raw(arc);
      raw(" 400\"/>");
    }
    raw("<text class=\"number\" x=\"60\" y=\"66\" text-anchor=\"middle\" font-size=\"36\">");
    raw(std::to_string(score));
    raw("</text><text class=\"of\" x=\"60\" y=\"86\" text-anchor=\"middle\" font-size=\"13\">of 100</text></svg>");
  }

  void banner() {
    raw("<header><div class=\"banner\">");
    if (run_.analysis) ring(std::clamp(run_.analysis->score, 0, 100));
    raw("<div>");
    auto word = std::string{verdict_word()};
    word[0] = static_cast<char>(word[0] - ('a' - 'A'));
    element("h1 class=\"verdict\"", word, "h1");
    raw("<p class=\"subject\">");
    element("b", run_.asked.package_name, "b");
    text(" " + run_.asked.version);
    raw("</p><p class=\"facts\">");
    text(run_.asked.ecosystem + " · mode " + std::string{name(run_.asked.mode)});
    if (run_.started_at) text(" · " + moment(*run_.started_at));
    raw("<br>");
    element("span class=\"mono\"", run_.run_id, "span");
    raw("</p></div></div></header>");
  }

  void summary() {
    if (run_.analysis && !run_.analysis->summary.empty())
      element("p class=\"card summary\"", run_.analysis->summary, "p");
    if (!run_.error.empty()) element("p class=\"card summary bad\"", run_.error, "p");
  }

  void findings() {
    if (!run_.analysis) return;
    const auto& list = run_.analysis->findings;
    heading("Findings", list.empty() ? "" : std::to_string(list.size()));
    if (list.empty())
      raw("<p class=\"card quiet\">No rule held: nothing that an honest package would not do was seen.</p>");
    for (const auto& f : list) {
      raw("<article class=\"card finding\"><h3><span class=\"chip ");
      ((out_ += name(f.severity)) += "\">") += name(f.severity);
      raw("</span>");
      element("span", f.title, "span");
      element("code class=\"rule\"", f.rule, "code");
      raw("</h3>");
      if (!f.evidence.empty()) raw("<ul class=\"evidence mono\">");
      for (const auto& line : f.evidence) element("li", line, "li");
      raw(f.evidence.empty() ? "</article>" : "</ul></article>");
    }
  }

  void phases() {
    if (!run_.execution) return;
    heading("What was run");
    if (!run_.execution->error.empty()) element("p class=\"card bad\"", run_.execution->error, "p");
    for (const auto& p : run_.execution->phases) {
      raw("<article class=\"card phase\"><h3>");
      element("span", p.name, "span");
      raw(p.ok          ? "<span class=\"good\">✓ ok</span>"
          : p.timed_out ? "<span class=\"bad\">✗ timed out</span>"
                        : "<span class=\"bad\">✗ failed</span>");
      raw("</h3>");
      element("p", p.summary, "p");
      element("p class=\"soft\"",
              sandbox::describe(p.outcome) + (p.watched ? "" : " · its witnesses were lost") +
                  (p.audit_truncated ? " · the audit log was cut" : "") +
                  (p.output_truncated ? " · the output was cut" : ""),
              "p");
      raw("<dl class=\"usage\">");
      usage("wall", human_seconds(std::chrono::duration<double>(p.outcome.wall).count()));
      usage("cpu", human_seconds(std::chrono::duration<double>(p.outcome.cpu).count()));
      usage("peak memory", human_bytes(p.outcome.peak_memory.count));
      usage("peak processes", std::to_string(p.outcome.peak_pids));
      usage("processes", std::to_string(p.outcome.processes));
      usage("written", human_bytes(p.outcome.bytes_written.count));
      usage("stdout", human_bytes(p.stdout_bytes));
      usage("stderr", human_bytes(p.stderr_bytes));
      usage("audit events", std::to_string(p.audit_events));
      raw("</dl></article>");
    }
  }

  void release() {
    if (!run_.download) return;
    const auto& [a, listing, notes, unpackable, error] = *run_.download;
    heading("Release");
    raw("<dl class=\"card pairs\">");
    pair("file", a.filename, true);
    pair("kind", a.filename.empty() ? "" : std::string{name(a.kind)} + (a.yanked ? ", yanked" : ""));
    pair("size", a.filename.empty() ? "" : human_bytes(a.size));
    pair("sha256", a.sha256, true);
    if (!a.sha256.empty()) pair("digest", a.digest_from_index ? "verified against the index" : "the index gave none");
    pair("from", a.url, true);
    pair("requires Python", a.requires_python);
    pair("metadata", listing.metadata_name.empty() ? "" : listing.metadata_name + " " + listing.metadata_version);
    if (listing.files > 0)
      pair("holds", std::to_string(listing.files) + " files, " + human_bytes(listing.unpacked_bytes));
    std::string scripts, pth;
    for (const auto& [script, target] : listing.entry_points)
      if (scripts.size() < 1000) scripts += (scripts.empty() ? "" : ", ") + script + " = " + target;
    for (const auto& file : listing.pth_files)
      if (pth.size() < 1000) pth += (pth.empty() ? "" : ", ") + file;
    pair("console scripts", scripts, true);
    pair(".pth files", pth, true);
    for (const auto& n : notes) pair("note", n.rule + ": " + n.evidence);
    if (!unpackable) pair("unpacked", "no: the archive broke a limit");
    pair("error", error);
    raw("</dl>");
  }

  void dependencies() {
    if (!run_.execution || run_.execution->dependencies.empty()) return;
    const auto& list = run_.execution->dependencies;
    heading("Dependencies", std::to_string(list.size()) + ", fetched through the gateway");
    raw("<div class=\"card\"><table><tr><th>file</th><th class=\"number\">size</th><th "
        "class=\"hide\">sha256</th></tr>");
    for (std::size_t i = 0; i < std::min(list.size(), most_items); ++i) {
      raw("<tr><td class=\"mono\">");
      text(list[i].filename);
      raw("</td>");
      element("td class=\"number\"", human_bytes(list[i].size), "td");
      element("td class=\"mono hide\"", list[i].sha256, "td");
      raw("</tr>");
    }
    raw("</table></div>");
  }

  void list(std::string_view title, const std::vector<std::string>& items) {
    ((out_ += "<details><summary>") += title) += "<span>" + std::to_string(items.size()) + "</span></summary>";
    raw(items.empty() ? "<p class=\"quiet\">none</p>" : "<ul class=\"mono\">");
    for (std::size_t i = 0; i < std::min(items.size(), most_items); ++i) element("li", items[i], "li");
    if (items.size() > most_items)
      element("li", "and " + std::to_string(items.size() - most_items) + " more in report.json", "li");
    raw(items.empty() ? "</details>" : "</ul></details>");
  }

  void highlights() {
    if (!run_.analysis) return;
    const auto& h = run_.analysis->highlights;
    heading("Highlights");
    list("Network", h.network);
    list("Subprocesses", h.subprocesses);
    list("Files written", h.files_written);
    list("Files read", h.files_read);
    raw("<details><summary>Most frequent events<span>" + std::to_string(h.top_events.size()) + "</span></summary>");
    if (h.top_events.empty()) return raw("<p class=\"quiet\">none</p></details>");
    const auto most = static_cast<double>(std::max<std::uint64_t>(1, h.top_events.front().second));
    raw("<table>");
    for (const auto& [event, count] : h.top_events) {
      raw("<tr><td class=\"mono\">");
      text(event);
      raw("</td>");
      element("td class=\"number\"", std::to_string(count), "td");
      raw("<td class=\"hide\"><svg class=\"bar\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" "
          "aria-hidden=\"true\"><rect height=\"4\" width=\"");
      raw(std::to_string(std::max(0.5, 100.0 * static_cast<double>(count) / most)));
      raw("\"/></svg></td></tr>");
    }
    raw("</table></details>");
  }

  void uncovered() {
    if (!run_.analysis || run_.analysis->uncovered.empty()) return;
    heading("Not covered by the audit hook", "seen by the observer only");
    raw("<div class=\"card\"><ul class=\"evidence plain mono\">");
    for (const auto& line : run_.analysis->uncovered) element("li", line, "li");
    raw("</ul></div>");
  }

  void outputs() {
    if (!run_.execution || run_.execution->phases.empty()) return;
    heading("Output", "as the package wrote it; what could hide is spelled out");
    for (const auto& p : run_.execution->phases)
      for (const auto& [stream, file, bytes] : {std::tuple{"stdout", &p.stdout_file, p.stdout_bytes},
                                                std::tuple{"stderr", &p.stderr_file, p.stderr_bytes}}) {
        if (bytes == 0) continue;
        raw("<details><summary>");
        text(p.name);
        ((out_ += ": ") += stream) += "<span>" + human_bytes(bytes) + "</span></summary><pre>";
        out_ += html(excerpt(folder_, *file), true);
        raw("</pre></details>");
      }
  }

  void stages() {
    if (run_.stages.empty()) return;
    heading("Stages");
    raw("<div class=\"card\"><table><tr><th>stage</th><th>outcome</th><th class=\"number\">took</th><th class=\"number "
        "hide\">attempts</th></tr>");
    for (const auto& s : run_.stages) {
      const bool ended = s.finished_at >= s.started_at;
      raw("<tr>");
      element("td", name(s.stage), "td");
      element("td", s.outcome.empty() ? "under way" : s.outcome, "td");
      element("td class=\"number\"",
              ended ? human_seconds(std::chrono::duration<double>(s.finished_at - s.started_at).count()) : "", "td");
      element("td class=\"number hide\"", std::to_string(s.attempts), "td");
      raw("</tr>");
    }
    raw("</table></div>");
  }

  void footer() {
    raw("<footer><p>Evidence marked <span class=\"mono\">[observer]</span> was seen from outside the jail. What is "
        "marked "
        "<span class=\"mono\">[hook]</span> was told by Python's audit hook inside it and is a hint: a package can "
        "forge it, but a "
        "forged event can only raise the score.</p><p>lazaret " LAZARET_VERSION "</p></footer></body></html>\n");
  }

  const run& run_;
  const std::filesystem::path& folder_;
  std::string out_;
};

}  // namespace

std::string report_html(const run& r, const std::filesystem::path& run_folder) { return page{r, run_folder}.make(); }

}  // namespace lazaret::report
