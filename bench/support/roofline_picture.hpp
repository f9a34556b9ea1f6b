#pragma once
// A roofline as SVG: operations per second over operations per byte, both logarithmic; limits as lines, kernels as points.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace support {

struct roofline_picture {
  struct roof {
    std::string name;
    double rate;  // bytes or operations per second
  };
  struct point {
    std::string label;
    double intensity, rate;  // operations per byte, per second
    bool is_many, contraction;  // rows, kind of kernel
  };
  std::string title, few, many;  // what the circles and the squares are
  std::vector<roof> slopes, levels;
  std::vector<point> points;

  std::string svg() const {
    drawing d{*this};
    d.axes();
    d.roofs();
    d.kernels();
    return d.text();
  }

 private:
  struct box {
    double x, y, width, height;
    bool meets(box const& o) const { return x < o.x + o.width && o.x < x + width && y < o.y + o.height && o.y < y + height; }
  };

  class drawing {
   public:
    explicit drawing(roofline_picture const& p) : p_(p) {
      double x0 = 1e30, x1 = 0, y0 = 1e30, y1 = 0;
      for (auto const& q : p.points) x0 = std::min(x0, q.intensity), x1 = std::max(x1, q.intensity), y0 = std::min(y0, q.rate);
      for (auto const& l : p.levels) y1 = std::max(y1, l.rate), x1 = std::max(x1, l.rate / p.slopes[0].rate);
      for (auto const& s : p.slopes) y0 = std::min(y0, s.rate * x0);
      x0_ = std::log10(x0 / 2), x1_ = std::log10(x1 * 6), y0_ = std::log10(y0 / 2), y1_ = std::log10(y1 * 2);
    }

    void axes() {
      for (int e = int(std::ceil(x0_)); e <= int(std::floor(x1_)); ++e) {
        double const x = at_x(std::pow(10, e));
        line("grid", x, top, x, bottom);
        label(x, bottom + 18, "middle", power(e));
      }
      for (int e = int(std::ceil(y0_)); e <= int(std::floor(y1_)); ++e) {
        double const y = at_y(std::pow(10, e));
        line("grid", left, y, right, y);
        label(left - 8, y + 4, "end", power(e - 9));
      }
      label((left + right) / 2, bottom + 40, "middle", "operations per byte");
      turned(20, (top + bottom) / 2 + 80, 90, "scale", "10\xe2\x81\xb9 operations per second");
      label(left, 24, "start", p_.title, "title");
      mark("legend", left + 5, 41, false), label(left + 16, 45, "start", p_.few, "legend");
      double const next = left + 40 + width_of(p_.few);
      mark("legend", next, 41, true),
          label(next + 11, 45, "start", p_.many + "; %: of the limit that a kernel meets first", "legend");
    }

    /// Slopes end at the highest level; a level begins where the fastest slope reaches it.
    void roofs() {
      double const highest = std::ranges::max(p_.levels, {}, &roof::rate).rate;
      double const fastest = std::ranges::max(p_.slopes, {}, &roof::rate).rate;
      for (auto const& s : p_.slopes) {
        double const begin = std::max(std::pow(10, x0_), std::pow(10, y0_) / s.rate), end = highest / s.rate;
        segment(begin, s.rate * begin, end, highest);
        double const angle = std::atan2(at_y(s.rate) - at_y(10 * s.rate), at_x(10) - at_x(1));
        auto const text = fmt::format("{} {:.0f} GB/s", s.name, s.rate / 1e9);
        double const x = at_x(begin) + 14 * std::cos(angle), y = at_y(s.rate * begin) - 14 * std::sin(angle);
        turned(x - 6 * std::sin(angle), y - 6 * std::cos(angle), angle * 180 / std::numbers::pi, "roof", text);
        for (double t = 0; t <= width_of(text); t += 8)
          taken_.push_back({x + t * std::cos(angle) - 14, y - t * std::sin(angle) - 16, 16, 16});
      }
      for (auto const& l : p_.levels) {
        segment(l.rate / fastest, l.rate, std::pow(10, x1_), l.rate);
        auto const text = fmt::format("{} {:.0f} G/s", l.name, l.rate / 1e9);
        label(right - 6, at_y(l.rate) - 6, "end", text, "roof");
        taken_.push_back({right - 6 - width_of(text), at_y(l.rate) - 18, width_of(text), 16});
      }
    }

    void kernels() {
      for (auto const& q : p_.points) taken_.push_back({at_x(q.intensity) - 6, at_y(q.rate) - 6, 12, 12});
      auto sorted = p_.points;
      std::ranges::sort(sorted, {}, [](point const& q) { return q.rate; });
      for (auto const& q : sorted) name(q);
      for (auto const& q : sorted) mark(q.contraction ? "matmul" : "other", at_x(q.intensity), at_y(q.rate), q.is_many);
    }

    std::string text() const {
      return fmt::format(R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" {2}>
<style>{3}</style>
<rect class="paper" width="{0}" height="{1}"/>
{4}</svg>
)", width, height, R"(font-family="Helvetica, Arial, sans-serif" font-size="12")", style, body_);
    }

   private:
    static constexpr double width = 960, height = 600, left = 76, right = 940, top = 64, bottom = 540;
    static constexpr char const* style = R"(
.paper { fill: #ffffff } text { fill: #475569 } .title, .name { fill: #0f172a } .title { font-size: 13px; font-weight: bold }
.grid { stroke: #e2e8f0 } .leader { stroke: #94a3b8; stroke-width: 0.7 } .legend { fill: #64748b }
.limit { stroke: #334155; stroke-width: 1.5 } .roof { fill: #334155 } .matmul { fill: #2563eb } .other { fill: #ea580c }
@media (prefers-color-scheme: dark) {
  .paper { fill: #0d1117 } text { fill: #94a3b8 } .title, .name { fill: #e2e8f0 }
  .grid { stroke: #1e293b } .leader { stroke: #64748b } .legend { fill: #94a3b8 }
  .limit { stroke: #cbd5e1 } .roof { fill: #cbd5e1 } .matmul { fill: #60a5fa } .other { fill: #fb923c }
}
)";

    roofline_picture const& p_;
    double x0_, x1_, y0_, y1_;  // powers of ten at the borders
    std::vector<box> limits_, names_, taken_;  // the last: by points, names and what leads to them
    std::string body_;

    double at_x(double intensity) const { return left + (std::log10(intensity) - x0_) / (x1_ - x0_) * (right - left); }
    double at_y(double rate) const { return bottom - (std::log10(rate) - y0_) / (y1_ - y0_) * (bottom - top); }
    static double width_of(std::string const& text) { return 7.0 * double(text.size()); }
    static std::string power(int e) {
      if (e < 0) return fmt::format("{:.{}f}", std::pow(10, e), -e);
      return fmt::format("{:.0f}", std::pow(10, e));
    }
    static std::string escaped(std::string const& text) {
      std::string r;
      for (char const c : text) r += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
      return r;
    }
    void line(char const* kind, double x1, double y1, double x2, double y2) {
      body_ += fmt::format(R"(<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>)" "\n", kind, x1, y1, x2, y2);
    }
    void mark(char const* kind, double x, double y, bool square) {
      body_ += square ? fmt::format(R"(<rect class="{}" x="{:.1f}" y="{:.1f}" width="9" height="9"/>)"
                                    "\n",
                                    kind, x - 4.5, y - 4.5)
                      : fmt::format(R"(<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="5"/>)"
                                    "\n",
                                    kind, x, y);
    }
    void label(double x, double y, char const* anchor, std::string const& text, char const* kind = "scale") {
      body_ += fmt::format(R"(<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>)"
                           "\n",
                           kind, x, y, anchor, escaped(text));
    }
    void turned(double x, double y, double degrees, char const* kind, std::string const& text) {
      constexpr auto form = R"_(<text class="{}" transform="translate({:.1f} {:.1f}) rotate({:.1f})">{}</text>)_" "\n";
      body_ += fmt::format(form, kind, x, y, -degrees, escaped(text));
    }
    static void along(std::vector<box>& to, double x1, double y1, double x2, double y2) {
      int const steps = 1 + int(std::hypot(x2 - x1, y2 - y1) / 4);
      for (int i = 0; i <= steps; ++i) to.push_back({x1 + (x2 - x1) * i / steps - 3, y1 + (y2 - y1) * i / steps - 3, 6, 6});
    }
    void segment(double i1, double r1, double i2, double r2) {
      i1 = std::max(i1, std::pow(10, x0_));
      line("limit", at_x(i1), at_y(r1), at_x(i2), at_y(r2));
      along(limits_, at_x(i1), at_y(r1), at_x(i2), at_y(r2));
    }
    static bool meets_any(std::vector<box> const& all, box const& b) {
      return std::ranges::any_of(all, [&](box const& t) { return t.meets(b); });
    }
    bool is_free(box const& b) const {
      bool const inside = b.x >= left && b.x + b.width <= right && b.y >= top && b.y + b.height <= bottom;
      return inside && !meets_any(taken_, b) && !meets_any(limits_, b);
    }

    /// The name of a point at the best free place: near, rather right and below, no line to it across a limit. The line is
    /// drawn where the name is not next to the point.
    void name(point const& q) {
      double const x = at_x(q.intensity), y = at_y(q.rate), wide = width_of(q.label);
      double least = 1e30, best_x = 0, best_y = 0, best_side = 0;
      for (double const side : {1.0, -1.0})
        for (double over = 10; over < 300; over += 14)
          for (double down = -300; down < 300; down += 15) {
            double const name_x = x + side * over, name_y = y + down;
            double cost = over + 1.5 * std::abs(down) + (side < 0 ? 25 : 0) + (down < 0 ? 15 : 0);
            if (cost >= least || !is_free({side > 0 ? name_x : name_x - wide, name_y - 7, wide, 14})) continue;
            if (down != 0 || over > 10) {
              std::vector<box> leader;
              along(leader, x, y, name_x - side * 2, name_y);
              if (std::ranges::any_of(leader, [&](box const& l) { return meets_any(names_, l); })) continue;
              if (std::ranges::any_of(leader, [&](box const& l) { return meets_any(limits_, l); })) cost += 400;
            }
            if (cost < least) least = cost, best_x = name_x, best_y = name_y, best_side = side;
          }
      if (best_side == 0) return;
      if (best_y != y || std::abs(best_x - x) > 10) {
        line("leader", x, y, best_x - best_side * 2, best_y);
        along(taken_, x, y, best_x - best_side * 2, best_y);
      }
      label(best_x, best_y + 4, best_side > 0 ? "start" : "end", q.label, "name");
      taken_.push_back({best_side > 0 ? best_x : best_x - wide, best_y - 7, wide, 14});
      names_.push_back(taken_.back());
    }
  };
};

}  // namespace support
