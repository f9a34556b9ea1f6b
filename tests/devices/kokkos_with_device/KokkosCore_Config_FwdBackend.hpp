#include_next <KokkosCore_Config_FwdBackend.hpp>
#include <fwd/Kokkos_Fwd_SERIAL.hpp>
#if defined(KOKKOS_ENABLE_CUDA)
#include <fwd/Kokkos_Fwd_CUDA.hpp>
#else
#include <fwd/Kokkos_Fwd_HIP.hpp>
#endif
