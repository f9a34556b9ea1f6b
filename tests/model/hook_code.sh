#!/bin/sh
# hook_code.sh SOURCE COMMAND...: a hook that is left alone is no instruction: the object code with the library's stages is
# that of stages without hooks. A hook that is put in shows that the comparison can fail.
source=$1; shift
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
command -v objdump > /dev/null || exit 77
cd "$folder" || exit 1
for kind in HOOKS WITHOUT_HOOKS STEERED; do
  "$@" -O1 -D$kind -c "$source" -o object.o || exit 1
  objdump -dr --no-show-raw-insn object.o > $kind || exit 1
  grep -q 'fused\|contraction' $kind || { echo "$kind: no kernels in the object"; exit 1; }
done
cmp HOOKS WITHOUT_HOOKS || { diff HOOKS WITHOUT_HOOKS | head -n 20; exit 1; }
! cmp -s HOOKS STEERED || { echo 'a hook that is put in changes nothing'; exit 1; }
