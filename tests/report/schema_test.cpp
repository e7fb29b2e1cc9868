// The part of JSON Schema 2020-12 that docs/report.schema.json uses, checked against what is really written.
#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>
#include <set>

#include "actors/report/document.hpp"
#include "tests/report/sample.hpp"

using namespace sample;
namespace json = boost::json;

namespace {

std::string type_of(const json::value& v) {
  if (v.is_null()) return "null";
  if (v.is_bool()) return "boolean";
  if (v.is_string()) return "string";
  if (v.is_array()) return "array";
  return v.is_object() ? "object" : v.is_double() ? "number" : "integer";
}

class validator {
 public:
  explicit validator(json::value schema) : root_(std::move(schema)) {}

  /// Empty, or the first thing that is wrong.
  [[nodiscard]] std::string check(const json::value& v) const { return check(root_.as_object(), v, "$"); }

 private:
  [[nodiscard]] std::string check(const json::object& schema, const json::value& v, const std::string& where) const {
    if (const auto* ref = schema.if_contains("$ref"))
      return check(root_.at("$defs").at(std::string_view{ref->as_string()}.substr(8)).as_object(), v, where);
    if (const auto* any = schema.if_contains("anyOf")) {
      for (const auto& one : any->as_array())
        if (check(one.as_object(), v, where).empty()) return {};
      return where + ": fits none of anyOf";
    }
    if (const auto* type = schema.if_contains("type")) {
      std::set<std::string> types;
      if (type->is_string())
        types.insert(std::string{type->as_string()});
      else
        for (const auto& t : type->as_array()) types.insert(std::string{t.as_string()});
      const auto is = type_of(v);
      if (!types.contains(is) && !(is == "integer" && types.contains("number"))) return where + ": is " + is;
    }
    if (const auto* words = schema.if_contains("enum");
        words && std::find(words->as_array().begin(), words->as_array().end(), v) == words->as_array().end())
      return where + ": not in the enum";
    if (const auto* word = schema.if_contains("const"); word && *word != v) return where + ": not the constant";
    if (v.is_object()) return check_object(schema, v.as_object(), where);
    if (const auto* items = schema.if_contains("items"); items && v.is_array())
      for (const auto& item : v.as_array())
        if (auto wrong = check(items->as_object(), item, where + "[]"); !wrong.empty()) return wrong;
    return {};
  }

  [[nodiscard]] std::string check_object(const json::object& schema, const json::object& v,
                                         const std::string& where) const {
    if (const auto* keys = schema.if_contains("required"))
      for (const auto& key : keys->as_array())
        if (!v.contains(key.as_string())) return where + ": lacks " + std::string{key.as_string()};
    const auto& known = schema.at("properties").as_object();
    for (const auto& [key, member] : v) {
      if (!known.contains(key)) return where + ": has unknown " + std::string{key};
      if (auto wrong = check(known.at(key).as_object(), member, where + "." + std::string{key}); !wrong.empty())
        return wrong;
    }
    return {};
  }

  json::value root_;
};

json::value schema() {
  std::ifstream in{LAZARET_SOURCE_DIR "/docs/report.schema.json"};
  return json::parse(std::string{std::istreambuf_iterator<char>{in}, {}});
}

}  // namespace

TEST_CASE("What is written fits the documented schema, from an empty run to a full one") {
  const validator v{schema()};
  const folder place;
  actors::run empty;
  CHECK(v.check(lazaret::report::report_json(empty, place.path())) == "");
  CHECK(v.check(lazaret::report::report_json(ordinary_run(), place.path())) == "");
  CHECK(v.check(lazaret::report::report_json(run_of("\xff<x>\u202e"), place.path())) == "");
}

TEST_CASE("The check notices a missing, an unknown and a mistyped key") {
  const validator v{schema()};
  const folder place;
  const auto good = lazaret::report::report_json(ordinary_run(), place.path()).as_object();
  for (const auto& field : good) {
    auto without = good;
    without.erase(field.key());
    CHECK(v.check(without) == "$: lacks " + std::string{field.key()});
    auto mistyped = good;
    mistyped[field.key()] = true;
    CHECK(v.check(mistyped) != "");
  }
  auto more = good;
  more["extra"] = 1;
  CHECK(v.check(more) == "$: has unknown extra");
  auto deep = good;
  deep["phases"].as_array()[0].as_object().erase("ended");
  CHECK_THAT(v.check(deep), Catch::Contains("lacks ended"));
}
