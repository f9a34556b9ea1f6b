#pragma once
// The functor of kernel G of program P. Its class decides the body; the team decides who works.
#include "cria/kernel/attention/attention.hpp"
#include "cria/kernel/attention/backward.hpp"
#include "cria/kernel/attention/whole.hpp"
#include "cria/kernel/contraction/contraction.hpp"
#include "cria/kernel/row/row.hpp"

namespace cria::kernel {

namespace detail {

template <class P, int G, kernel_class K> struct body : contraction<P, G> {};
template <class P, int G> struct body<P, G, kernel_class::row> : row_kernel<P, G> {};
template <class P, int G> struct body<P, G, kernel_class::token_sum> : token_sum_kernel<P, G> {};
template <class P, int G> struct body<P, G, kernel_class::embedding_dw> : embedding_dw_kernel<P, G> {};
template <class P, int G>
inline constexpr bool has_cache =
    plan_of<P>.where[plan_of<P>.g.nodes[plan_of<P>.groups[G].nodes[0]].in[1]].at == region::key_cache;
template <class P, int G>
struct body<P, G, kernel_class::attention>
    : std::conditional_t<has_cache<P, G>, attention_kernel<P, G>, whole_attention_kernel<P, G>> {};
template <class P, int G> struct body<P, G, kernel_class::attention_back> : attention_back_kernel<P, G> {};

}  // namespace detail

template <class P, int G> struct fused : detail::body<P, G, plan_of<P>.groups[G].k> {
  /// A device's team takes one piece, and all of a kernel is one phase.
  template <class Member> KOKKOS_INLINE_FUNCTION void operator()(Member const& member) const {
    void* const scratch = member.team_scratch(1).get_shmem(std::ptrdiff_t(this->scratch_floats() * sizeof(float)));
    this->work(team_of<Member>{member}, 0, member.league_rank(), static_cast<float*>(scratch));
  }

  /// What one worker of a host does in a phase: the same pieces in every launch, so that a thread meets the same weights again.
  void host_work(int phase, int worker, int workers) const {
    float* const scratch = this->c.scratch + std::size_t(worker) * this->c.scratch_stride;
    int const all = this->pieces(phase);
    if constexpr (fused::keeps_order) {
      int const end = int(std::int64_t(all) * (worker + 1) / workers);
      for (int piece = int(std::int64_t(all) * worker / workers); piece < end; ++piece) this->work(solo{}, phase, piece, scratch);
    } else {
      for (int piece = worker; piece < all; piece += workers) this->work(solo{}, phase, piece, scratch);
    }
  }
};

}  // namespace cria::kernel
