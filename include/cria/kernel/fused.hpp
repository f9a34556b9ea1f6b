#pragma once
// The functor of kernel G of program P. Its class decides the body; the team decides who works.
#include "cria/kernel/attention/attention.hpp"
#include "cria/kernel/attention/backward.hpp"
#include "cria/kernel/contraction/contraction.hpp"
#include "cria/kernel/row/row.hpp"

namespace cria::kernel {

namespace detail {

template <class P, int G, kernel_class K> struct body : contraction<P, G> {};
template <class P, int G> struct body<P, G, kernel_class::row> : row_kernel<P, G> {};
template <class P, int G> struct body<P, G, kernel_class::token_sum> : token_sum_kernel<P, G> {};
template <class P, int G> struct body<P, G, kernel_class::embedding_dw> : embedding_dw_kernel<P, G> {};
template <class P, int G> struct body<P, G, kernel_class::attention> : attention_kernel<P, G> {};
template <class P, int G> struct body<P, G, kernel_class::attention_back> : attention_back_kernel<P, G> {};

}  // namespace detail

template <class P, int G> struct fused : detail::body<P, G, plan_of<P>.groups[G].k> {
  template <class Member> KOKKOS_INLINE_FUNCTION void operator()(Member const& member) const {
    using space = typename Member::execution_space;
    float* const scratch = static_cast<float*>(member.team_scratch(1).get_shmem(this->scratch_floats() * sizeof(float)));
    if constexpr (on_host<space>) this->work(solo{}, member.league_rank(), scratch);
    else this->work(team_of<Member>{member}, member.league_rank(), scratch);
  }
};

}  // namespace cria::kernel
