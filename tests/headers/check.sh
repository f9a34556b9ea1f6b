#!/bin/bash
# check.sh INCLUDE COMPILER FLAG...: the headers as other programs get them: each alone, all in one unit, all in two units of one
# program, without warnings, without macros.
set -u
include=$1 compiler=$2; shift 2
warnings='-Wall -Wextra -Wconversion -Wshadow -Werror'
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
passed=0 failed=0 skipped=0
cd "$include" || exit 2
all=$(find cria -name '*.hpp' | LC_ALL=C sort)
cd "$folder" || exit 2

check() {  # check NAME COMMAND...
  if "${@:2}" > said 2>&1; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "$1:"; head -n 30 said; fi
}
includes() { sed 's/.*/#include "&"/'; }
macros() { $compiler "$@" -I "$include" -dM -E "$unit" | LC_ALL=C sort; }

# Each alone. What takes long are Kokkos and JSON: a header that comes to include one of them, by way of others perhaps, gets it
# precompiled in front, and sees nothing that it would not see without.
leading_to() {  # leading_to LIBRARY_HEADER: those whose includes lead to it
  local found more
  found=$(cd "$include" && grep -rlF "#include <$1>" cria)
  while more=$(cd "$include" && grep -rlF -f <(includes <<< "$found") cria | sort -u - <(echo "$found"))
    [ "$more" != "$found" ]; do
    found=$more
  done
  echo "$found"
}
flags="$* $warnings -fsyntax-only"
for library in Kokkos_Core.hpp nlohmann/json.hpp; do
  name=${library%%/*} name=alone-${name%.hpp}
  printf '#include <%s>\n' "$library" > "$name.hpp"
  check "$library, precompiled" $compiler "$@" -x c++-header "$name.hpp" -o "$name.hpp.gch"
done
leading_to Kokkos_Core.hpp > kokkos
leading_to nlohmann/json.hpp | grep -vxF -f kokkos > json
mkdir alone
export include compiler flags
one() {
  local name=alone/${1//\//-} first=
  if grep -qxF "$1" kokkos; then
    first='-include alone-Kokkos_Core.hpp'
  elif grep -qxF "$1" json; then
    first='-include alone-nlohmann.hpp'
  fi
  printf '#include "%s"\n' "$1" > "$name.cpp"
  $compiler $flags $first -I "$include" "$name.cpp" > "$name.log" 2>&1 || touch "$name.bad"
}
export -f one
xargs -P "$(nproc)" -I{} bash -c 'one {}' <<< "$all"
for header in $all; do
  name=alone/${header//\//-}
  check "$header alone" test ! -e "$name.bad"
  [ ! -e "$name.bad" ] || head -n 15 "$name.log"
done

# In any order: the first and the last meet the others before and after them. By both compilers, as a user's own headers.
{ includes <<< "$all"; echo 'int main() {}'; } > forwards.cpp
tac <<< "$all" | includes > backwards.cpp
check 'all headers in order' $compiler "$@" $warnings -I "$include" -c forwards.cpp -o forwards.o
check 'all headers in reverse order' $compiler "$@" $warnings -I "$include" -c backwards.cpp -o backwards.o
check 'two units in one program' $compiler "$@" forwards.o backwards.o -o two
other=clang++; case $compiler in *clang*) other=g++ ;; esac
if command -v $other >/dev/null && echo '#include <omp.h>' | $other -fopenmp -fsyntax-only -x c++ - 2>/dev/null; then
  check "all headers in order, $other" $other "$@" $warnings -I "$include" -fsyntax-only forwards.cpp
  check "all headers in reverse order, $other" $other "$@" $warnings -I "$include" -fsyntax-only backwards.cpp
else skipped=2; fi

# Macros: those of all headers, without those of what they include from others.
(cd "$include" && grep -rhE '^ *# *include *<' cria) | LC_ALL=C sort -u > others.cpp
unit=forwards.cpp macros "$@" > ours
unit=others.cpp macros "$@" > theirs
comm -23 ours theirs > leaked
check 'no macros' test ! -s leaked
cat leaked
echo '#define leak' >> forwards.cpp
unit=forwards.cpp macros "$@" | comm -23 - theirs > leaked
check 'a macro would be seen' grep -qx '#define leak ' leaked
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
