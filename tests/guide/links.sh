#!/bin/sh
# links.sh ROOT: each file that a page links to is there.
cd "$1" || exit 2
passed=0 failed=0
for page in README.md docs/*.md docs/guide/*.md; do
  # code has brackets with parentheses behind them, too
  for link in $(sed '/^```/,/^```/d; s/`[^`]*`//g' "$page" | grep -oE '\]\([^) ]+\)' | sed -E 's/^\]\(([^)#]*).*/\1/' | grep -vE '^(https?:|$)'); do
    if [ -e "$(dirname "$page")/$link" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "$page: no $link"; fi
  done
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ] && [ $passed -gt 0 ]
