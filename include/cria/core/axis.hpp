#pragma once
// Axes: a name and an extent. Sizes alone can't be checked when batch and time vary; names can.
#include <type_traits>

namespace cria {

/// The extent of an axis whose length is known when the program runs.
inline constexpr int dynamic = -1;

/// A named axis. `axis<embed, 4096>` has its extent in the type, `axis<token>` at run time.
template <class Tag, int N = dynamic> struct axis {
  using tag = Tag;
  static constexpr int extent = N;
};

/// An axis made of `Count` heads of `Size` values each, head after head: what rope and attention work on.
template <class Tag, int Count, int Size> struct heads {
  using tag = Tag;
  static constexpr int extent = Count * Size, count = Count, size = Size;
};

/// The axis of rows: each row is one token of one sequence at one position.
struct token {
  static constexpr char name[] = "token";
};
/// `token` as an axis: as many rows as there are when the program runs.
using tokens = axis<token>;

template <class A, class B> inline constexpr bool same_axis = std::is_same_v<A, B>;

template <class A> inline constexpr bool is_heads = false;
template <class Tag, int Count, int Size> inline constexpr bool is_heads<heads<Tag, Count, Size>> = true;

}  // namespace cria
