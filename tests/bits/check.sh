#!/bin/bash
# check.sh COMPILER... FLAG...: compiles bits.cpp as it is, for older instruction sets and with clang++ where it is present. Each
# must give the same bits for a prompt in one pass and in pieces, and all must give the same. clang++ brings an OpenMP of its own
# beside the one that Kokkos was built with, so it runs with one thread.
cd "$(dirname "$0")" || exit 2
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
passed=0 failed=0 skipped=0 first=''

check() {  # check NAME THREADS COMMAND...
  local name=$1 threads=$2 said; shift 2
  if ! said=$("$@" -w bits.cpp -o "$folder/bits" -lkokkoscore 2>&1); then
    echo "$name: does not compile"; tail -n 5 <<< "$said"; failed=$((failed + 1)); return
  fi
  said=$(OMP_NUM_THREADS=$threads "$folder/bits" 2>&1) || { echo "$name:"; echo "$said"; failed=$((failed + 1)); return; }
  [ -n "$first" ] || first=$said
  if [ "$said" = "$first" ]; then
    passed=$((passed + 1))
  else
    echo "$name:"; echo "$said"; echo 'but the first:'; echo "$first"; failed=$((failed + 1))
  fi
}

compiler=()  # of one word, or two: ccache c++
while [[ $1 != -* ]]; do compiler+=("$1"); shift; done
set -- -O3 "$@"
check 'this machine' "$(nproc)" "${compiler[@]}" "$@"
while read -r set flag; do  # SSE; AVX2 and FMA; AVX-512 without instructions for int8
  if grep -qw "$flag" /proc/cpuinfo; then check $set 1 "${compiler[@]}" "$@" -march=$set
  else skipped=$((skipped + 1)); fi
done <<< 'x86-64-v2 sse4_2
x86-64-v3 avx2
x86-64-v4 avx512bw'
# g++ takes addresses for no constants where it looks for null pointers, so those checks stay out.
check 'address and undefined sanitizers' 1 "${compiler[@]}" "$@" -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
  -fno-sanitize=null,nonnull-attribute,returns-nonnull-attribute
if command -v clang++ >/dev/null && echo '#include <omp.h>' | clang++ -fopenmp -fsyntax-only -x c++ - 2>/dev/null; then
  check 'clang++' 1 clang++ "$@"
else skipped=$((skipped + 1)); fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
