# What doxygen sees of a page: files beside it lie beside it in the site too, folders are none of its pages.
s,\]\(([^)]*/)?([^)/]+\.(cpp|hpp|txt))\),](\2),g
s,\[([^]]+)\]\((\.\./)*(tests|examples)/[^).]*\),\1,g
