#include_next <KokkosCore_Config_SetupBackend.hpp>
#if defined(KOKKOS_ENABLE_CUDA)
#include <setup/Kokkos_Setup_Cuda.hpp>
#else
#include <setup/Kokkos_Setup_HIP.hpp>
#endif
