#!/bin/sh
# compile.sh KOKKOS_INCLUDE CRIA_INCLUDE FILE.cu: compiles a program for a GPU to an object with the nvcc that CRIA_NVCC names.
# A host-only Kokkos carries the headers of its CUDA backend: definitions and three headers in front of its own switch it on.
# Such an object cannot be linked; that it compiles is what is tested.
set -eu
here=$(dirname "$0")
[ -n "${CRIA_NVCC:-}" ] || { echo 'CRIA_NVCC names no nvcc'; echo '0 passed, 0 failed, 1 skipped'; exit 77; }
"$CRIA_NVCC" -std=c++20 -arch=sm_90 --extended-lambda --expt-relaxed-constexpr -O2 -Xcompiler=-fopenmp,-ffp-contract=off \
  -DKOKKOS_ENABLE_SERIAL -DKOKKOS_ENABLE_CUDA -DKOKKOS_ARCH_HOPPER -DKOKKOS_ARCH_HOPPER90 -DDESUL_ATOMICS_ENABLE_CUDA \
  -I "$here/kokkos_with_cuda" -I "$2" -isystem "$1" -c "$3" -o /dev/null
echo '1 passed, 0 failed, 0 skipped'
