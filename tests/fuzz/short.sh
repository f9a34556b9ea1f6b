#!/bin/sh
# short.sh SEEDS TARGET NAME: fuzzes for a few seconds from fresh seeds. Every finding is a failure.
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"$1" "$folder" && "$2" -seed=1 -max_total_time=${CRIA_FUZZ_SECONDS:-4} -timeout=10 -rss_limit_mb=1024 -max_len=8192 \
  -print_final_stats=1 -artifact_prefix="$folder/" "$folder/$3" > "$folder/log" 2>&1 && exit
tail -n 60 "$folder/log"
exit 1
