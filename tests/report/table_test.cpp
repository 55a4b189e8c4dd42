#include <synfire/table.hpp>

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
