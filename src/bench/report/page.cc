// SPDX-License-Identifier: Apache-2.0
#include "bench/report/page.h"

#include "bench/report/page_assets.h"

namespace llmd::bench {
namespace {

/// JSON inside a script element: only `<` could end it, and inside strings JSON has an escape for
/// it.
std::string without_tags(const std::string& json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string html_page(const RunResult& run, const RunSummary& summary) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n<title>llmd bench</title>\n<style>\n";
  out += kPageStyle;
  out +=
      "</style>\n</head>\n<body>\n<main></main>\n<script type=\"application/json\" id=\"data\">\n";
  out += without_tags(page_data(run, summary));
  out += "\n</script>\n<script>\n";
  out += kPageScript;
  out += "</script>\n</body>\n</html>\n";
  return out;
}

}  // namespace llmd::bench
