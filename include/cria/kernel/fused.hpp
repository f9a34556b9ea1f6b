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
  /// A device's team takes one piece.
  template <class Member> KOKKOS_INLINE_FUNCTION void operator()(Member const& member) const {
    void* const scratch = member.team_scratch(1).get_shmem(std::ptrdiff_t(this->scratch_floats() * sizeof(float)));
    this->work(team_of<Member>{member}, member.league_rank(), static_cast<float*>(scratch));
  }
};

/// On a host, worker w takes pieces w, w + workers, ...: the same split in every launch, so that a thread meets the same
/// weights again.
template <class P, int G> struct fused_on_host {
  fused<P, G> kernel;
  int workers;
  void operator()(int worker) const {
    float* const scratch = kernel.c.scratch + std::size_t(worker) * kernel.c.scratch_stride;
    for (int piece = worker, end = kernel.pieces(); piece < end; piece += workers) kernel.work(solo{}, piece, scratch);
  }
};

}  // namespace cria::kernel
