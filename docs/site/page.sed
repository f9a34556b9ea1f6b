# What doxygen sees of a page: the guide has chapters, headings that are
# linked to have a name, files lie beside a page, folders are none of the site.
1s,^# ([0-9]) (.*),# \1 \2 {#guide_\1},
s,^([0-9])\. \[([^]]*)\]\(guide/[^)]*\),\1. @subpage guide_\1 "\2",
s,\[([^]]*)\]\(([1-9])_[a-z]+\.md\),@ref guide_\2 "\1",g
s,\[([^]]*)\]\([^)]*\.md#([^)]*)\),@ref \2 "\1",g
s,^## Adapters$,& {#adapters},
s,\]\(([^)]*/)?([^)/]+\.(cpp|hpp|txt))\),](\2),g
s,\[([^]]+)\]\((\.\./)*(tests|examples)/[^).]*\),\1,g
