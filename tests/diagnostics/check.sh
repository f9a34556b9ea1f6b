#!/bin/bash
# check.sh KOKKOS_INCLUDE: each *.cpp beside this script has one mistake in it. g++ and, where present, clang++ must refuse it
# with exactly one error that holds the file's `// expect:` sentence and the axes of its `// axis:` lines, in less than 2 kB.
export LC_ALL=C                      # `error:` in English, bytes for characters
cd "$(dirname "$0")/../.." || exit 2   # paths from the root: how long they are must not count
passed=0 failed=0 skipped=0

complain() {
  echo "$1 $(basename "$2"): $3"
  echo "$4" | head -c 3000
  failed=$((failed + 1))
}

check() {  # compiler file
  local said expected axis
  # Newer g++ also quotes the source at every step of an instantiation: those lines are not counted.
  local quotes=()
  [ "$1" != g++ ] || [ "$(g++ -dumpversion | cut -d . -f 1)" -le 12 ] || quotes=(-fno-diagnostics-show-caret)
  if said=$("$1" "${quotes[@]}" -std=c++20 -fopenmp -fsyntax-only -Iinclude ${kokkos:+-isystem "$kokkos"} "$2" 2>&1); then
    complain "$1" "$2" 'compiles' ''
    return
  fi
  [ "$(grep -c 'error:' <<< "$said")" = 1 ] || { complain "$1" "$2" 'not one error' "$said"; return; }
  [ ${#said} -lt 2048 ] || { complain "$1" "$2" "${#said} bytes" "$said"; return; }
  expected=$(sed -n 's|^// expect: ||p' "$2")
  [ -n "$expected" ] && grep -qF "$expected" <<< "$said" || { complain "$1" "$2" "not said: $expected" "$said"; return; }
  # Compilers write the namespaces, and g++ a blank between closing brackets.
  local plain
  plain=$(sed -E 's/(cria::|llama2::|axes::|nn::|\(anonymous namespace\)::)//g; s/ >/>/g' <<< "$said")
  while read -r axis; do
    grep -qF "$axis" <<< "$plain" || { complain "$1" "$2" "not said: $axis" "$said"; return; }
  done < <(sed -n 's|^// axis: ||p' "$2")
  passed=$((passed + 1))
}

kokkos=$1
for file in tests/diagnostics/*.cpp; do
  for compiler in g++ clang++; do
    if ! command -v $compiler > /dev/null || { [ -z "$kokkos" ] && grep -qE 'cria/run/|"bound.hpp"' "$file"; }; then skipped=$((skipped + 1))
    else check $compiler "$file"; fi
  done
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
