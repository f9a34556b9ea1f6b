#!/bin/sh
# check.sh INCLUDE: every arrow between the layers points down, and Kokkos stays where it belongs.
cd "$1/cria" || exit 2
failed=0 passed=0
check() {  # check MESSAGE OFFENDERS
  if [ -z "$2" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); printf '%s:\n%s\n' "$1" "$2"; fi
}
layer() {  # layer NAME BELOW...: its headers include only itself and what is below it
  name=$1 allowed=$(echo "$@" | tr ' ' '|'); shift
  check "$name may include $name $*" "$(grep -rnE '#include "' "$name" | grep -vE "#include \"cria/($allowed)(/|\.hpp)")"
}
layer core
layer expr core
layer graph core expr
layer kernel core expr graph
layer run core expr graph kernel
layer io core
layer text core io
layer nn core expr graph
layer model core expr graph run nn io infer/engine train/engine   # the interfaces that its engines fill
layer infer core io text model
layer train core io text model infer
check 'only kernel and run include Kokkos' "$(grep -rlE '#include <Kokkos' . | grep -vE '^\./(kernel|run)/')"
check 'only the engines of a model bring its kernels' "$(grep -rlE '#include "cria/(kernel|run)/' . |
  grep -vE '^\./(kernel|run|model/(train_)?engine\.hpp|kernel\.hpp|run\.hpp)')"
check 'a header begins with #pragma once' "$(for f in $(find . -name '*.hpp'); do
  [ "$(head -n 1 "$f")" = '#pragma once' ] || echo "$f"
done)"
check 'a file has at most 400 lines' "$(find . ../../examples ../../bench -name '*.?pp' \
  -exec awk 'END { if (NR > 400) print FILENAME }' {} \;)"
# golden's folders hold data and how it was made
cd ../.. && check 'a line has at most 130 columns' "$(find include examples bench tests \
  -path 'tests/golden/*/*' -prune -o -path tests/diagnostics -prune -o -type f \
  \( -name '*.?pp' -o -name '*.cu' -o -name '*.in' -o -name 'meson.build' -o -name '*.py' -o -name '*.sh' \) \
  -exec awk 'length > 130 { print FILENAME ":" FNR }' {} +)"
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
