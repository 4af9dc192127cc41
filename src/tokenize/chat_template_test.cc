// SPDX-License-Identifier: Apache-2.0
// Expected texts are those of Python's Jinja2 with transformers' settings.
#include "tokenize/chat_template.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace llmd::tokenize {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

const Json& context() {
  static const Json json = Json::parse(R"({
    "messages": [{"role": "system", "content": " s "}, {"role": "user", "content": "grüße 👋"},
                 {"role": "assistant", "content": "a", "tool_calls": [{"name": "f"}]}],
    "d": {"items": 1, "k": "v"}, "f": 1.0, "n": null, "deep": [[1, {"x": [2.5, true]}]]})");
  return json;
}

/// The text, or "error: " and the message.
std::string render(std::string_view source, const Json& with = context()) {
  auto parsed = ChatTemplate::parse(source);
  if (!parsed) return "error: " + parsed.error().message;
  auto text = parsed->render(with, std::chrono::system_clock::time_point());
  return text ? *text : "error: " + text.error().message;
}

TEST(ChatTemplate, BlocksTakeTheirLinesAlong) {
  EXPECT_EQ(render("a\n  {% if true %}\n  b\n  {% endif %}\nc\n"), "a\n  b\nc");
  EXPECT_EQ(render("a\n  {%- if true -%}\n  b\n  {%- endif +%}\nc"), "ab\nc");
  EXPECT_EQ(render("a {%+ if true %}b{% endif %}\n  {{ 'c' }}\n"), "a b  c");
  EXPECT_EQ(render("  {# note #}\nx {#- y -#}  z"), "xz");
  EXPECT_EQ(render("{% raw %}{{ x }}{% if %}{% endraw %}"), "{{ x }}{% if %}");
  EXPECT_EQ(render("a\r\nb\rc\n\n"), "a\nb\nc\n");
}

TEST(ChatTemplate, ValuesPrintAsPythonPrintsThem) {
  EXPECT_EQ(render("{{ true }} {{ none }} {{ 1e16 }} {{ 0.0001 }} {{ 1/3 }} {{ 2.0 }}"),
            "True None 1e+16 0.0001 0.3333333333333333 2.0");
  EXPECT_EQ(render(R"({{ ['a', "it's", 'q"\'', none, (1,), {'k': 1.5}, '\n\x01é'] }})"),
            R"(['a', "it's", 'q"\'', None, (1,), {'k': 1.5}, '\n\x01é'])");
  EXPECT_EQ(render("{{ deep | tojson }} {{ d | tojson(indent=2) }}"),
            "[[1, {\"x\": [2.5, true]}]] {\n  \"items\": 1,\n  \"k\": \"v\"\n}");
  EXPECT_EQ(render("{{ messages[1].content | tojson }}"), "\"grüße 👋\"");
}

TEST(ChatTemplate, OperatorsBindAsInJinja) {
  EXPECT_EQ(render("{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 3 ** 2 }} {{ 1 ~ 2 * 3 }}"),
            "-4 2 3.5 64 16");
  EXPECT_EQ(render("{{ 1 < 2 < 3 }} {{ not 1 == 2 }} {{ 'x' if false }} {{ [] or 'e' }}"),
            "True True  e");
  EXPECT_EQ(render("{{ 'abcdef'[4:1:-2] }} {{ [1,2,3][-2:] }} {{ 'é👋'[-1] }} {{ 3 is odd }}"),
            "ec [2, 3] 👋 True");
}

TEST(ChatTemplate, LoopsHaveScopesAndNamespacesCrossThem) {
  EXPECT_EQ(render("{% set x = 0 %}{% set ns = namespace(n=0) %}{% for i in range(3) %}{{ x }}"
                   "{% set x = 9 %}{% set ns.n = ns.n + i %}{% endfor %}{{ x }}{{ ns.n }}"),
            "00003");
  EXPECT_EQ(render("{% for i in [1,2,3,4] if i != 2 %}{% if i == 4 %}{% break %}{% endif %}"
                   "{{ loop.index }}/{{ loop.length }} {% else %}none{% endfor %}"),
            "1/3 2/3 ");
  EXPECT_EQ(render("{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}"), "items=1;k=v;");
}

TEST(ChatTemplate, MacrosTakeDefaultsAndCallers) {
  EXPECT_EQ(render("{% macro m(a, b='x', c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}"
                   "{{ m(1) }} {{ m(1, c=5) }}"),
            "1x1 1x5");
  EXPECT_EQ(render("{% macro w() %}[{{ caller(1) }}]{% endmacro %}{% call(x) w() %}in{{ x }}"
                   "{% endcall %}"),
            "[in1]");
}

TEST(ChatTemplate, UndefinedPrintsNothingAndItsUseIsAnError) {
  EXPECT_EQ(
      render("{{ nope }}|{{ nope | length }}|{{ d.nope is defined }}|{{ nope | default(1) }}"),
      "|0|False|1");
  EXPECT_THAT(render("{{ nope.x }}"), HasSubstr("'nope' is undefined"));
  EXPECT_THAT(render("{{ d.nope.x }}"), HasSubstr("has no attribute 'nope'"));
  EXPECT_THAT(render("{{ nope + 1 }}"), HasSubstr("'nope' is undefined"));
}

TEST(ChatTemplate, ErrorsNameThePlace) {
  EXPECT_THAT(render("a\n{% include 'x' %}"),
              HasSubstr("line 2, column 4: statement 'include' is not supported"));
  EXPECT_THAT(render("{{ 1 | nonsense }}"), HasSubstr("filter 'nonsense' is not supported"));
  EXPECT_THAT(render("{% if x %}"), HasSubstr("expected {% endif %}"));
  EXPECT_THAT(render("\n\n{{ 'a' + 1 }}"), HasSubstr("line 3, column 8: unsupported operand"));
  EXPECT_EQ(render("{{ raise_exception('Roles ' ~ 'must alternate') }}"),
            "error: Roles must alternate");
  EXPECT_THAT(render("{{ messages.append(1) }}"), HasSubstr("cannot be changed"));
}

TEST(ChatTemplate, TheClockIsTheCallers) {
  auto parsed = ChatTemplate::parse("{{ strftime_now('%Y') }}");
  ASSERT_TRUE(parsed.ok());
  const auto in_2001 = std::chrono::system_clock::from_time_t(1'000'000'000);
  EXPECT_EQ(*parsed->render(context(), in_2001), "2001");
}

TEST(ChatTemplate, WorkDepthAndSizeAreBounded) {
  constexpr std::string_view kEndless =
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
  EXPECT_THAT(render(kEndless), HasSubstr("too much work"));
  EXPECT_THAT(render("{{ 'x' * 99999999999 }}"), HasSubstr("too much work"));
  EXPECT_THAT(render("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), HasSubstr("too deep"));
  EXPECT_THAT(render("{% set ns = namespace(x=[]) %}{% for i in range(999) %}"
                     "{% set ns.x = [ns.x, ns.x] %}{% endfor %}"),
              HasSubstr("too deep"));
  EXPECT_THAT(render("{% set ns = namespace(x=[1]) %}{% for i in range(60) %}"
                     "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x == [ns.x] }}{{ ns.x }}"),
              HasSubstr("too much work"));
  EXPECT_THAT(render("{{ " + std::string(99, '(') + std::string(99, ')') + " }}"),
              HasSubstr("too deep"));
  EXPECT_THAT(render("{{ range(100001) }}"), HasSubstr("range has more than"));
  EXPECT_THAT(render(std::string(1024 * 1024 + 1, 'x')), HasSubstr("longer than"));
}

}  // namespace
}  // namespace llmd::tokenize
