# Reads Meson's log of the tests and adds up what the test programs said last: Catch2's line, or `N passed, N failed,
# N skipped`. A program that ended badly without saying that something failed counts as one failure.
function close_program() {
  if (open && bad && !told) ++failed
  else if (open && !counted) { if (result == "exit status 77") ++skipped; else ++passed }
  open = 0
}
/^=+ [0-9]+\/[0-9]+ =+$/ { close_program(); open = 1; counted = bad = told = 0 }
/^result: / {
  result = $0
  sub(/^result: */, "", result)
  bad = result != "exit status 0" && result != "exit status 77"
}
/^All tests passed \(/ { passed += $(NF - 2); counted = 1 }
/^test cases: / {
  counted = 1
  parts = split($0, part, "|")
  for (i = 2; i <= parts; ++i) {
    split(part[i], word, " ")
    if (word[2] == "skipped") skipped += word[1]
    else if (word[2] == "failed" && word[3] != "as") { failed += word[1]; told = 1 }
    else passed += word[1]
  }
}
/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { passed += $1; failed += $3; skipped += $5; counted = 1; told += $3 }
END {
  close_program()
  printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
  exit !(failed == 0 && passed > 0)
}
