#!/bin/sh
# compile.sh cuda|hip KOKKOS_INCLUDE CRIA_INCLUDE FILE.cu: compiles a program for a GPU, with the nvcc that CRIA_NVCC names, or
# the hipcc in CRIA_HIPCC, which may have flags behind it: clang++ does with --hip-path=DIR -nogpulib.
# A host-only Kokkos carries the headers of its other backends: definitions and three headers in front of its own switch one on.
# What comes of it cannot be linked; that it compiles is what is tested.
set -eu
here=$(dirname "$0") backend=$1 kokkos=$2 cria=$3 file=$4
skip() { echo "$1"; echo '0 passed, 0 failed, 1 skipped'; exit 77; }
common="-std=c++20 -DKOKKOS_ENABLE_SERIAL -I $here/kokkos_with_device -I $cria -isystem $kokkos"
if [ "$backend" = cuda ]; then
  [ -n "${CRIA_NVCC:-}" ] || skip 'CRIA_NVCC names no nvcc'
  "$CRIA_NVCC" $common -O2 -arch=sm_90 --extended-lambda --expt-relaxed-constexpr -Xcompiler=-fopenmp,-ffp-contract=off \
    -DKOKKOS_ENABLE_CUDA -DKOKKOS_ARCH_HOPPER -DKOKKOS_ARCH_HOPPER90 -DDESUL_ATOMICS_ENABLE_CUDA -c "$file" -o /dev/null
else
  hipcc=${CRIA_HIPCC:-$(command -v hipcc || true)}
  [ -n "$hipcc" ] || skip 'there is no hipcc, and CRIA_HIPCC names none'
  folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
  sed 's/Kokkos::Cuda/Kokkos::HIP/g' "$file" > "$folder/program.hip"
  common="-x hip --offload-arch=gfx90a $common -fopenmp -ffp-contract=off -DKOKKOS_ENABLE_HIP -DKOKKOS_ARCH_AMD_GFX90A
    -DKOKKOS_ARCH_AMD_GPU=\"gfx90a\" -DDESUL_ATOMICS_ENABLE_HIP"
  # Code for the device, as far as assembly: what comes after it needs ROCm's own libraries. And the host's part of the program.
  $hipcc $common --cuda-device-only -O2 -S "$folder/program.hip" -o "$folder/device.s"
  grep -q 'amdhsa_kernel' "$folder/device.s" || { echo 'no kernels came of it'; exit 1; }
  $hipcc $common --cuda-host-only -fsyntax-only "$folder/program.hip"
fi
echo '1 passed, 0 failed, 0 skipped'
