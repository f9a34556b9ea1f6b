#!/bin/sh
# links.sh ROOT: each file that a page links to is there, and in it the heading.
cd "$1" || exit 2
passed=0 failed=0
headings() { sed '/^```/,/^```/d' "$1" | grep -E '^#+ ' | sed -E 's/^#+ //' | tr 'A-Z ' 'a-z-' | tr -dc 'a-z0-9_\n-'; }
for page in README.md docs/*.md docs/guide/*.md; do
  # code has brackets with parentheses behind them, too
  for link in $(sed '/^```/,/^```/d; s/`[^`]*`//g' "$page" |
    grep -oE '\]\([^) ]+\)' | sed -E 's/^\]\((.*)\)$/\1/' | grep -vE '^https?:'); do
    file=$(dirname "$page")/${link%%#*} heading=${link#"${link%%#*}"}
    [ "${link%%#*}" ] || file=$page
    if [ -e "$file" ] && { [ -z "$heading" ] || headings "$file" | grep -qxF -- "${heading#\#}"; }; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1)); echo "$page: no $link"
    fi
  done
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ] && [ $passed -gt 0 ]
