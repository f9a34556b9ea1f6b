#pragma once
// What gnuplot draws: panels one above the other with one axis of tokens or steps.

namespace support {

/// Works on files `curve-N` and `validation-N`, whose first line is the run's name. In front of it go values for runs,
/// panels, validated, x_label and rate_label, the terminal and the output. Colours are Okabe and Ito's (2008), which
/// the colour-blind can tell apart.
inline constexpr char plot_script[] = R"gnuplot(
array colour[7] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
paint(i) = int(word_of(colour[i % 7 + 1]))
word_of(c) = sprintf("0x%s", c[2:])
faint(i) = paint(i) + 0xB8000000
curve(i) = sprintf("curve-%d", i)
validation(i) = sprintf("validation-%d", i)
dashes(i) = 1 + i / 7

set border 3 linewidth 1 linecolor rgb "#404040"
set tics nomirror out scale 0.6
set grid linetype 1 linewidth 0.5 linecolor rgb "#e0e0e0"
set lmargin at screen 0.115
set rmargin at screen 0.97
set xrange [0:*]
set format x ""
set multiplot

bottom = 0.12
unit = (0.975 - bottom) / (panels + 1.0)   # the loss takes two
gap = 0.045

set tmargin at screen 0.975
set bmargin at screen 0.975 - 2 * unit + gap
set ylabel "loss (nats per token)" offset 0.5
set key top right samplen 2.5 spacing 1.15 noenhanced
plot for [i = 0:runs - 1] curve(i) using 1:2 with lines linewidth 1 linecolor rgb faint(i) notitle, \
     for [i = 0:runs - 1] curve(i) using 1:3 with lines linewidth 2 dashtype dashes(i) linecolor rgb paint(i) \
       title columnheader(1), \
     for [i = 0:runs - 1] validation(i) using 1:2 with linespoints linewidth 1 pointtype 7 pointsize 0.55 \
       linecolor rgb paint(i) notitle, \
     NaN with linespoints linewidth 1 pointtype 7 pointsize 0.55 linecolor rgb "#606060" \
       title (validated ? "validation" : "")
unset key

do for [panel = 2:panels] {
  top = 0.975 - panel * unit
  set tmargin at screen top
  set bmargin at screen top - unit + (panel == panels ? 0 : gap)
  if (panel == panels) { set format x "%g"; set xlabel x_label }
  if (panel == 2) { set ylabel rate_label } else { set ylabel "thousand tokens/s" }
  column_of = panel + 2
  set yrange [0:*]
  set ytics autofreq
  plot for [i = 0:runs - 1] curve(i) using 1:column_of with lines linewidth 2 dashtype dashes(i) \
       linecolor rgb paint(i) notitle
}
unset multiplot
)gnuplot";

}  // namespace support
