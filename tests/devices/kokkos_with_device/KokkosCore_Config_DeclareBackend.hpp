#include_next <KokkosCore_Config_DeclareBackend.hpp>
#include <decl/Kokkos_Declare_SERIAL.hpp>
#if defined(KOKKOS_ENABLE_CUDA)
#include <decl/Kokkos_Declare_CUDA.hpp>
#else
#include <decl/Kokkos_Declare_HIP.hpp>
#endif
