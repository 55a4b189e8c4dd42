#include <synfire/table.hpp>
#include <synfire/tables_page.hpp>

#include <catch2/catch.hpp>

using namespace synfire;

TEST_CASE("a table as CSV") {
  CHECK(to_csv({{{"a", false}, {"b, c"}}, {{"say \"x\"", "1"}, {"two\nlines"}}}) ==
        "a,\"b, c\"\n\"say \"\"x\"\"\",1\n\"two\nlines\",\n");
}

TEST_CASE("a table as LaTeX") {
  CHECK(to_latex({{{"layer", false}, {"silent %"}}, {{"spiking_3", "97.5"}, {R"(\~^{}<&>#$)"}}},
                 "synfire\nprofile") ==
        "% synfire\n% profile\n"
        "\\begin{tabular}{lr}\n\\toprule\nlayer & silent \\% \\\\\n\\midrule\n"
        "spiking\\_3 & 97.5 \\\\\n"
        "\\textbackslash{}\\textasciitilde{}\\textasciicircum{}\\{\\}\\textless{}\\&\\textgreater{}"
        "\\#\\$ &  \\\\\n"
        "\\bottomrule\n\\end{tabular}\n");
}

TEST_CASE("a page of tables is text and nothing else") {
  TablesReport report;
  report.title = "A <b> page";
  report.facts = {{"data & more", "<i>"}};
  report.notes = {"It's \"one\"."};
  report.tables = {
      {"Counts <1>", "A note & so on.", {{{"layer", false}, {"a & b"}}, {{"<x>", "1"}, {"y"}}}}};
  const std::string page = render_tables(report);
  for (const char* const part :
       {"<h1>A &lt;b&gt; page</h1>", "<dt>data &amp; more</dt><dd>&lt;i&gt;</dd>",
        "It&#39;s &quot;one&quot;.", "<h2>Counts &lt;1&gt;</h2>", "A note &amp; so on.",
        "aria-label=\"Counts &lt;1&gt;\"", "<th scope=\"col\">a &amp; b</th>",
        "<th scope=\"row\">&lt;x&gt;</th><td>1</td>", "<th scope=\"row\">y</th><td></td>"})
    CHECK(page.find(part) != std::string::npos);
  CHECK(page.find("<svg") == std::string::npos);
  report.plots = {{"Line", "It rises.", "plot x\n"}};
  CHECK(render_tables(report).find("<desc id=\"plot-1-desc\">It rises.</desc>") !=
        std::string::npos);
  CHECK(render_tables(report) == render_tables(report));
}
