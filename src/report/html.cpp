#include "html.hpp"

#include <fmt/format.h>

namespace synfire::report {
namespace {

// Text colours keep a contrast of 4.5 and series of 3 to the background, light and dark.
constexpr std::string_view kStyle = R"(
:root {
  color-scheme: light dark;
  --back: #fff; --box: #f6f7f9; --text: #1c2128; --quiet: #59636e; --rule: #d8dee4; --link: #0b5cad;
  --c1: #1f6fb4; --c2: #c14d0c; --c3: #2a7f2e; --c4: #c02f38; --c5: #7750b0; --c6: #845046;
  --c7: #b8408f; --c8: #5d6670; --c9: #7c7a08; --c10: #0b7f93; --grid: #dfe3e8; --muted: #98a2ad;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #0f1318; --box: #171c23; --text: #e4e8ec; --quiet: #9aa5b1; --rule: #2c343d;
    --link: #7db8f5;
    --c1: #6ab0f3; --c2: #ff9a5c; --c3: #6cc972; --c4: #ff7b82; --c5: #b99cf0; --c6: #c99a8e;
    --c7: #f08fcf; --c8: #aab4bf; --c9: #cfcb55; --c10: #56cadd; --grid: #2a323b; --muted: #66717d;
  }
}
* { box-sizing: border-box }
body {
  margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 68rem;
  background: var(--back); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  overflow-wrap: break-word;
}
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 1rem }
h2 { font-size: 1.25rem; margin: 3rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--rule) }
p { max-width: 44rem; margin: .5rem 0 1rem }
a { color: var(--link) }
.quiet, figcaption { color: var(--quiet); font-size: .875rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0 0 1.5rem }
dt { color: var(--quiet) }
dd { margin: 0; min-width: 0 }
.scroll { overflow-x: auto; border: 1px solid var(--rule); border-radius: 6px }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .4rem .5rem; text-align: right; white-space: nowrap }
th:first-child { text-align: left; font-weight: 400 }
thead th { color: var(--quiet); font-size: .875rem; font-weight: 400; background: var(--box) }
tbody tr { border-top: 1px solid var(--rule) }
td.words, th.words { text-align: left }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem }
.page { color: var(--quiet) }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 1rem }
figure {
  margin: 0; padding: .75rem; background: var(--box); border-radius: 6px; min-width: 0;
  display: flex; flex-direction: column;
}
figcaption strong { display: block; color: var(--text); font-size: 1rem; font-weight: 600 }
figcaption { order: -1; margin-bottom: .5rem }
svg { display: block; max-width: 100%; height: auto; margin: 0 auto; font-family: inherit }
svg text, svg g { font-family: inherit }
.lead { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; margin: 1rem 0 }
.lead p { flex: 1 1 16rem; margin: 0 }
.pixels { width: 10rem }
pre { margin: 0; padding: .75rem; font-size: .8125rem; line-height: 1.4 }
summary { cursor: pointer; margin: 1rem 0 .5rem }
)";

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string figure(const std::string& title, const std::string& note, const std::string& svg) {
  return fmt::format("<figure>\n{}<figcaption><strong>{}</strong> {}</figcaption>\n</figure>\n",
                     svg, escaped(title), escaped(note));
}

std::string header(const std::string& title, const Facts& facts) {
  std::string html = fmt::format("<header>\n<h1>{}</h1>\n<dl>\n", escaped(title));
  for (const auto& [name, value] : facts)
    html += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escaped(name), escaped(value));
  return html + "</dl>\n</header>\n";
}

std::string notes(const std::vector<std::string>& sentences) {
  std::string html;
  for (const std::string& sentence : sentences)
    html += fmt::format("<p class=\"quiet\">{}</p>\n", escaped(sentence));
  return html;
}

std::string scrolled(const Table& table, const std::string& label) {
  std::string html = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">\n"
      "<table>\n<thead><tr>",
      escaped(label));
  const auto words = [&](std::size_t i) {
    return table.columns[i].figures ? "" : " class=\"words\"";
  };
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    html += fmt::format("<th scope=\"col\"{}>{}</th>", words(i), escaped(table.columns[i].title));
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      const std::string cell = i < row.size() ? escaped(row[i]) : "";
      html += i == 0 ? fmt::format("<th scope=\"row\">{}</th>", cell)
                     : fmt::format("<td{}>{}</td>", words(i), cell);
    }
    html += "</tr>\n";
  }
  return html + "</tbody>\n</table>\n</div>\n";
}

std::string section(const PageTable& table) {
  std::string html = fmt::format("<section>\n<h2>{}</h2>\n", escaped(table.title));
  if (!table.note.empty()) html += notes({table.note});
  return html + scrolled(table.table, table.title) + "</section>\n";
}

std::string document(const std::string& title, const std::string& body) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; img-src data:\">\n<link rel=\"icon\" href=\"data:,\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n{}</body>\n</html>\n",
      escaped(title), kStyle, body);
}

}  // namespace synfire::report
