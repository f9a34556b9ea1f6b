#pragma once
// One block on arrays of the caller's: input, weights and result are read and written where they are.
#include <tuple>
#include <vector>

#include "cria/graph/limits.hpp"
#include "cria/run/bound.hpp"
#include "cria/run/execute.hpp"
#include "cria/run/kokkos.hpp"
#include "cria/run/rotary.hpp"
#include "cria/run/rows.hpp"
#include "cria/run/workers.hpp"
#include "cria/run/workspace.hpp"

namespace cria {

namespace detail {

/// The axes of rows that a block takes and returns; of tokens none.
template <class Input> struct axes_of_input { using type = Input; };
template <> struct axes_of_input<token_ids> { using type = shape<tokens>; };
template <class R> struct axes_of_result;
template <class S, class... F> struct axes_of_result<expr<S, F...>> { using type = S; };

/// Where a bound weight stands among those of program P; -1 where there is none of this name and these extents.
template <class P, class Bound> inline constexpr int weight_index = -1;
template <class P, int Rows, int Cols> constexpr int find_weight(void const* key) {
  graph const& g = plan_of<P>.g;
  for (int i = 0; i < g.count; ++i)
    if (g.nodes[i].kind == op::weight && g.symbols[g.nodes[i].symbol].key == key && g.nodes[i].rows == Rows &&
        g.nodes[i].cols == Cols)
      return plan_of<P>.where[i].index;
  return -1;
}
template <class P, class Tag, class A, class T, class S>
inline constexpr int weight_index<P, bound_array<Tag, shape<A>, T, S>> = find_weight<P, 1, A::extent>(&key_of<Tag>);
template <class P, class Tag, class Out, class In, class T, class S>
inline constexpr int weight_index<P, bound_array<Tag, shape<Out, In>, T, S>> =
    find_weight<P, Out::extent, In::extent>(&key_of<Tag>);

template <class Bound, class Axes> inline constexpr bool are_rows = false;
template <class Axes, class T, class S> inline constexpr bool are_rows<bound_array<tokens, Axes, T, S>, Axes> = true;
template <class Bound> inline constexpr bool can_be_written = false;
template <class N, class Axes, class T, class S>
inline constexpr bool can_be_written<bound_array<N, Axes, T, S>> = !std::is_const_v<T>;
template <class Exec, class Bound> inline constexpr bool is_reached = true;
template <class Exec, class N, class Axes, class T, class S>
inline constexpr bool is_reached<Exec, bound_array<N, Axes, T, S>> = Kokkos::SpaceAccessibility<Exec, S>::accessible;

/// The largest of some tokens; one below 0 counts as a very large one.
struct largest_token {
  int const* token;
  KOKKOS_INLINE_FUNCTION void operator()(int i, unsigned& largest) const {
    largest = Kokkos::max(largest, unsigned(token[i]));
  }
};

/// Reports the first thing that is wrong with the arrays for a block.
template <class Block, class Exec, class First, class... Rest> constexpr bool can_evaluate() {
  using program = in_place_of<Block>;
  if constexpr (std::is_same_v<result_of<Block>, failed> || std::is_same_v<First, failed> ||
                (std::is_same_v<Rest, failed> || ...))
    return false;
  else if constexpr (plan_of<program>.g.count_of(op::pick) > 0) {
    static_assert(plan_of<program>.g.count_of(op::pick) == 0, "evaluate: a block that picks targets is for a trainer");
  } else if constexpr (!are_rows<First, typename axes_of_input<typename Block::input>::type>) {
    static_assert(are_rows<First, typename axes_of_input<typename Block::input>::type>,
                  "evaluate: the first array must be rows of the block's input");
  } else {
    using last = std::tuple_element_t<sizeof...(Rest) - 1, std::tuple<Rest...>>;
    using result = typename axes_of_result<result_of<Block>>::type;
    constexpr int given = int(sizeof...(Rest)) - 1, wanted = plan_of<program>.g.count_of(op::weight),
                  index[]{weight_index<program, Rest>...};
    constexpr bool known = [&] {
      for (int i = 0; i < given; ++i)
        if (index[i] < 0) return false;
      return true;
    }();
    constexpr bool different = [&] {
      for (int i = 0; i < given; ++i)
        for (int j = 0; j < i; ++j)
          if (index[i] == index[j]) return false;
      return true;
    }();
    if constexpr (!are_rows<last, result>)
      static_assert(are_rows<last, result>, "evaluate: the last array must be rows of the block's result");
    else if constexpr (!can_be_written<last>)
      static_assert(can_be_written<last>, "evaluate: the result must not be const");
    else if constexpr (!known)
      static_assert(known, "evaluate: between input and result come the block's weights, with their axes");
    else if constexpr (!different || given != wanted)
      static_assert(different && given == wanted, "evaluate: each weight of the block must be given once");
    else if constexpr (!(is_reached<Exec, First> && ... && is_reached<Exec, Rest>))
      static_assert((is_reached<Exec, First> && ... && is_reached<Exec, Rest>),
                    "evaluate: the arrays must be in memory that the execution space can reach");
    else
      return true;
  }
  return false;
}

}  // namespace detail

/// A block ready to be evaluated many times, on the execution-space instance it is given: its workspace is allocated once.
template <class Block, class Exec = Kokkos::DefaultExecutionSpace> class evaluator {
 public:
  using program = in_place_of<Block>;

  /// For up to `most_rows` rows, of which 1024 at a time have a workspace where rows don't look at each other.
  evaluator(Exec const& exec, int most_rows)
      : exec_((require_kokkos("evaluator"), exec)),
        most_(most_rows),
        at_once_(together ? most_rows : std::min(most_rows, 1024)) {
    check_range("rows", most_, 1, std::numeric_limits<int>::max());
    work_.template make<program>(exec_, at_once_, at_once_);
    rotary_.template make<program>(exec_, at_once_);
    if constexpr (together) {
      rows_.make(most_);
      for (int i = 0; i < most_; ++i) sequence_.push_back({0, 0, i, 0, 0});
    }
  }

  /// The block's result of `input`: first the input, then its weights in any order, last the result, each `bound` to
  /// its axes. Rows that rotate, attend or look up their position are one sequence from its beginning. A device is not
  /// waited for. Throws where the rows of input and result differ or are more than were said, where a token is none,
  /// and where the result begins where something begins that is read; they must not overlap otherwise.
  template <class Input, class... Rest> void operator()(Input const& input, Rest const&... rest) {
    if constexpr (detail::can_evaluate<Block, Exec, Input, Rest...>())
      run(input, std::tuple<Rest const&...>(rest...), std::make_index_sequence<sizeof...(Rest) - 1>{});
  }

 private:
  static constexpr row_limits limits = limits_of(plan_of<program>.g);
  static constexpr bool together = looks_around(plan_of<program>.g) || limits.position < row_limits{}.position;
  static constexpr bool of_tokens = std::is_same_v<typename Block::input, token_ids>;
  static constexpr step_cost cost{cost_of(plan_of<program>, dtype::f32), plan_of<program>.count};
  Exec exec_;
  int most_, at_once_;
  workspace<Exec> work_;
  rotary_tables<Exec> rotary_;
  training_rows<Exec> rows_;
  std::vector<training_row> sequence_;

  template <class Input, class Rest, std::size_t... W>
  void run(Input const& input, Rest const& rest, std::index_sequence<W...>) {
    require_kokkos("evaluate");
    profiling_region const region("cria/evaluate");
    auto const& result = std::get<sizeof...(W)>(rest);
    if (result.rows != input.rows)
      throw error("evaluate", "extent of the axis token of the result", std::to_string(input.rows),
                  std::to_string(result.rows));
    if (input.rows == 0) return;
    check_range("rows", input.rows, 1, most_ + 1);
    if (bool const over =
            ((static_cast<void const*>(result.data) == input.data) || ... || (result.data == std::get<W>(rest).data));
        over)
      throw error("evaluate", "the result would be written over what is read");
    kernel::context_in_place c;
    work_.bind(c), rotary_.bind(c);
    if constexpr (together) {
      rows_.set(exec_, std::span<training_row const>(sequence_.data(), std::size_t(input.rows)), {1, limits.position, 1});
      rows_.bind(c);
    }
    ((c.weight.at[index_of<W, Rest>] = reinterpret_cast<std::byte const*>(std::get<W>(rest).data),
      c.weights[index_of<W, Rest>] = std::get<W>(rest).at),
     ...);
    c.input = input.at, c.output = result.at;
    [[maybe_unused]] int const* ids = nullptr;
    if constexpr (of_tokens) ids = tokens_of(input);
    int const threads = c.workers;
    for (std::ptrdiff_t first = 0; first < input.rows; first += at_once_) {
      c.rows = int(std::min<std::ptrdiff_t>(at_once_, input.rows - first));
      if constexpr (of_tokens)
        c.token = ids + first;
      else
        c.in[0] = input.data + first * input.at.row;
      c.out[0] = result.data + first * result.at.row;
      c.workers = workers_for(cost, threads, c.rows, c.reach);
      execute<program>(exec_, c);
    }
  }
  template <std::size_t W, class Rest>
  static constexpr int index_of = detail::weight_index<program, std::remove_cvref_t<std::tuple_element_t<W, Rest>>>;

  template <class Ids> int const* tokens_of(Ids const& ids) const {
    if (ids.at.col != 1) throw error("tokens", "distance from one to the next", "1", std::to_string(ids.at.col));
    unsigned largest = 0;
    Kokkos::parallel_reduce("cria/tokens", Kokkos::RangePolicy<Exec>(exec_, 0, ids.rows), detail::largest_token{ids.data},
                            Kokkos::Max<unsigned>(largest));
    exec_.fence();
    check_range("token", int(largest), 0, limits.token);
    return ids.data;
  }
};

/// The same once: allocates a workspace, and the result is there when it returns.
///
///   evaluate<gate>(exec, bound<tokens, E>(x), bound<w1, F, E>(w), bound<tokens, F>(y));
template <class Block, class Exec, class Input, class... Rest>
void evaluate(Exec const& exec, Input const& input, Rest const&... rest) {
  if constexpr (detail::can_evaluate<Block, Exec, Input, Rest...>()) {
    evaluator<Block, Exec> once(exec, std::max(input.rows, 1));
    once(input, rest...);
    exec.fence("cria/evaluate");
  }
}

}  // namespace cria
