#pragma once
// Text made while compiling, and when a program runs without std::string, which is a template that each unit would compile
// again. Whatever has `+=` for a view takes it: a fixed_text or a string.
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>

namespace cria {

/// Up to N - 1 characters and a zero; what is beyond is dropped.
template <int N> struct fixed_text {
  char text[std::size_t(N)]{};
  int length = 0;

  constexpr fixed_text& operator+=(std::string_view s) {
    for (char ch : s)
      if (length + 1 < N) text[length++] = ch;
    return *this;
  }
  constexpr std::string_view view() const { return {text, std::size_t(length)}; }
  constexpr operator std::string_view() const { return view(); }
};

template <class Text> constexpr void append_integer(Text& to, long long n) {
  char digits[20]{};
  int at = 20;
  unsigned long long rest = static_cast<unsigned long long>(n);
  if (n < 0) to += "-", rest = 0 - rest;
  for (; at == 20 || rest > 0; rest /= 10) digits[--at] = char('0' + rest % 10);
  to += std::string_view(digits + at, std::size_t(20 - at));
}

namespace detail {

struct word {
  std::string_view text;
  long long number = 0;
  bool is_number = false;
  constexpr word(std::string_view t) : text(t) { }
  constexpr word(char const* t) : text(t) { }
  constexpr word(std::integral auto n) : number(static_cast<long long>(n)), is_number(true) { }
};
[[gnu::noinline]] constexpr fixed_text<160> joined(std::span<word const> words) {
  fixed_text<160> text;
  for (word const& w : words)
    if (w.is_number) append_integer(text, w.number);
    else text += w.text;
  return text;
}

/// Views and whole numbers, one after another; what is beyond 159 characters is dropped.
template <class... Parts> constexpr fixed_text<160> words(Parts const&... parts) {
  word const all[] = {word(parts)...};
  return joined(all);
}

}  // namespace detail

/// `line` as part of one line: blanks for line breaks and tabs, a question mark for each other control character (C0, DEL,
/// and C1 in UTF-8).
template <class Text> constexpr void append_one_line(Text& to, std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    auto const c = static_cast<unsigned char>(line[i]), next = static_cast<unsigned char>(i + 1 < line.size() ? line[i + 1] : 0);
    bool const c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;
    char const shown = c == '\n' || c == '\r' || c == '\t' ? ' ' : c < ' ' || c == 127 || c1 ? '?' : line[i];
    to += std::string_view(&shown, 1);
    i += c1;
  }
}

/// n / 10^decimals, without zeros at the end when they are to be trimmed.
template <class Text> constexpr void append_decimal(Text& to, long long n, int decimals, bool trim) {
  for (; trim && decimals > 0 && n % 10 == 0; --decimals) n /= 10;
  long long one = 1;
  for (int i = 0; i < decimals; ++i) one *= 10;
  append_integer(to, n / one);
  to += decimals > 0 ? "." : "";
  for (long long place = one / 10; place > 0; place /= 10) append_integer(to, n / place % 10);
}

/// Three digits and a unit: "4.19 M", "16.4 k", "576 "; `x` is not negative.
template <class Text> constexpr void append_rounded(Text& to, double x) {
  constexpr std::string_view units[] = {" ", " k", " M", " G", " T", " P"};
  int unit = 0;
  for (; x >= 999.5 && unit < 5; x /= 1000) ++unit;
  int const decimals = unit == 0 || x >= 99.95 ? 0 : x >= 9.995 ? 1 : 2;
  append_decimal(to, static_cast<long long>(x * (decimals == 2 ? 100 : decimals == 1 ? 10 : 1) + 0.5), decimals, false);
  to += units[unit];
}

/// A parameter: a number with two decimals, or three digits and a power of ten ("10000", "55.43", "1.5e-5").
template <class Text> constexpr void append_parameter(Text& to, double x) {
  if (x < 0) to += "-", x = -x;
  if (x >= 1 && x < 1e12) return append_decimal(to, static_cast<long long>(x * 100 + 0.5), 2, true);
  int power = 0;
  for (; x > 0 && x < 0.9995; x *= 10) --power;
  for (; x >= 9.995; x /= 10) ++power;
  append_decimal(to, static_cast<long long>(x * 100 + 0.5), 2, true);
  to += "e";
  append_integer(to, power);
}

}  // namespace cria
