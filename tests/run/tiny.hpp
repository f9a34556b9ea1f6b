#pragma once
// A small decoder with weights made up, on any instance.
#include <optional>

#include "cria/core/quantise.hpp"
#include "cria/model/decoder.hpp"
#include "cria/run/session.hpp"
#include "graph/interpreter.hpp"
#include "support/kokkos.hpp"

namespace cria::test {

struct tiny_config : llama2::config</*embed*/ 32, /*layers*/ 2, /*heads*/ 4, /*kv*/ 2, /*hidden*/ 64, /*vocabulary*/ 40,
                                    /*context*/ 64> {};
using tiny = llama2::decoder<tiny_config>;
using tiny_formats = formats<q8_0, stored<nn::embed, f32>>;
using tiny_session = session<tiny, policy::fast<tiny_formats>>;

struct weight_bytes {
  std::vector<std::byte> bytes;
};

/// The weight called `name` of a layer, the same in every call.
template <class Session = tiny_session> weight_bytes make_weight(std::string_view name, int layer) {
  plan const& p = name == "embed"                    ? plan_of<typename Session::embedding>
                  : name == "norm" || name == "head" ? plan_of<typename Session::head>
                                                     : plan_of<typename Session::block>;
  for (int i = 0; i < p.g.count; ++i) {
    node const& n = p.g.nodes[i];
    if (n.kind != op::weight || p.g.name(i) != name) continue;
    auto const m = numbers(n.rows, n.cols, unsigned(i * 100 + layer));
    return {encode(n.type.only(), std::vector<float>(m.at.begin(), m.at.end()))};
  }
  throw error(name, "no weight of this model");
}

/// Given to a session, which is built in place: it holds what must not be moved.
template <class Session = tiny_session> Session make_session(space_type const& exec, session_options const& options) {
  return Session(exec, options, make_weight<Session>, [](auto...) {});
}

/// The logits of all tokens of one sequence, from position `begin` on.
template <class Session>
std::vector<float> logits_of(Session& s, std::vector<int> const& tokens, int begin = 0, int sequence = 0) {
  std::vector<int> position;
  for (std::size_t i = 0; i < tokens.size(); ++i) position.push_back(begin + int(i));
  s.set_rows(tokens, std::vector(tokens.size(), sequence), position);
  auto const logits = s.run(0, int(tokens.size()));
  return {logits.begin(), logits.end()};
}

}  // namespace cria::test
