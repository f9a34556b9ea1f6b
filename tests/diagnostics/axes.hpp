#pragma once
// Axes and weights of a small model, for the mistakes in this folder.
#include "cria/expr.hpp"
#include "cria/graph/record.hpp"

struct embed {};
struct hidden {};
struct query {};
struct kv {};
using E = cria::axis<embed, 4096>;
using F = cria::axis<hidden, 11008>;
using rows = cria::shape<cria::tokens, E>;

struct w1 { static constexpr char name[] = "w1"; };
struct w2 { static constexpr char name[] = "w2"; };
struct gain { static constexpr char name[] = "gain"; };
struct wq { static constexpr char name[] = "wq"; };
struct wk { static constexpr char name[] = "wk"; };
struct wv { static constexpr char name[] = "wv"; };
