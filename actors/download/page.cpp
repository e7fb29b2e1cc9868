#include "actors/download/page.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "actors/markup.hpp"

namespace lazaret::download {

std::string write_html(std::string_view project, const std::vector<index_file>& files) {
  std::string out = "<!DOCTYPE html>\n<html><head><meta name=\"pypi:repository-version\" content=\"1.0\"><title>" +
                    actors::escape_markup(project) + "</title></head><body>\n";
  for (const auto& file : files) {
    out += "<a href=\"" + actors::escape_markup(file.url);
    if (!file.sha256.empty()) out += "#sha256=" + file.sha256;
    out += '"';
    if (!file.requires_python.empty())
      out += " data-requires-python=\"" + actors::escape_markup(file.requires_python) + '"';
    if (file.yanked) out += " data-yanked=\"" + actors::escape_markup(*file.yanked) + '"';
    if (file.has_metadata) {
      const auto value = file.metadata_sha256.empty() ? "true" : "sha256=" + file.metadata_sha256;
      out += " data-core-metadata=\"" + value + "\" data-dist-info-metadata=\"" + value + '"';
    }
    out += '>' + actors::escape_markup(file.filename) + "</a><br>\n";
  }
  return out + "</body></html>\n";
}

std::string write_json(std::string_view project, const std::vector<index_file>& files) {
  boost::json::array list;
  for (const auto& file : files) {
    boost::json::object entry{{"filename", file.filename}, {"url", file.url}, {"hashes", boost::json::object{}}};
    if (!file.sha256.empty()) entry["hashes"].as_object()["sha256"] = file.sha256;
    if (!file.requires_python.empty()) entry["requires-python"] = file.requires_python;
    if (file.size) entry["size"] = *file.size;
    if (file.yanked && file.yanked->empty())
      entry["yanked"] = true;
    else if (file.yanked)
      entry["yanked"] = *file.yanked;
    if (file.has_metadata) {
      boost::json::value metadata = true;
      if (!file.metadata_sha256.empty()) metadata = boost::json::object{{"sha256", file.metadata_sha256}};
      entry["core-metadata"] = metadata;
      entry["dist-info-metadata"] = metadata;
    }
    list.push_back(std::move(entry));
  }
  return boost::json::serialize(boost::json::object{
      {"meta", {{"api-version", "1.0"}}}, {"name", std::string{project}}, {"files", std::move(list)}});
}

bool prefers_json(std::string_view accept) {
  double json = 0, html = 0;
  while (!accept.empty()) {
    const auto comma = std::min(accept.find(','), accept.size());
    auto part = accept.substr(0, comma);
    accept.remove_prefix(std::min(comma + 1, accept.size()));
    double q = 1;
    if (const auto at = part.find("q="); at != part.npos) {
      const auto number = part.substr(at + 2);
      if (std::from_chars(number.data(), number.data() + number.size(), q).ec != std::errc{}) q = 0;
    }
    part = part.substr(0, part.find(';'));
    part.remove_prefix(std::min(part.find_first_not_of(" \t"), part.size()));
    while (part.ends_with(' ') || part.ends_with('\t')) part.remove_suffix(1);
    if (part == json_page || part == "application/vnd.pypi.simple.latest+json") json = std::max(json, q);
    if (part == html_page || part == "application/vnd.pypi.simple.latest+html" || part == "text/html" ||
        part == "text/*" || part == "*/*")
      html = std::max(html, q);
  }
  return json > 0 && json >= html;
}

}  // namespace lazaret::download
