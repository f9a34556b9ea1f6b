"""site.py ROOT: what a page of the site that doxygen makes links to is there. Ends with 77 without doxygen."""
import html.parser
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.parse


class page(html.parser.HTMLParser):
    """The targets of a page's links, and what may be linked to in it."""

    def __init__(self, file):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(file.read_text(encoding='utf-8'))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if tag == 'a' and name == 'href':
                self.links.append(value)
            if name == 'id' or tag == 'a' and name == 'name':
                self.anchors.add(value)


def check(folder):
    pages = {file.name: page(file) for file in sorted(folder.glob('*.html'))}
    failures = []
    for name, content in pages.items():
        for link in content.links:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or link.startswith('//'):
                continue
            target, anchor = urllib.parse.unquote(parts.path) or name, urllib.parse.unquote(parts.fragment)
            if not (folder / target).exists() or anchor and target in pages and anchor not in pages[target].anchors:
                failures.append(f'{name}: no {link}')
    return failures if pages else ['no pages']


def main():
    if shutil.which('doxygen') is None:
        return 77
    os.chdir(sys.argv[1])
    with tempfile.TemporaryDirectory() as site:
        made = subprocess.run(['doxygen', 'docs/site/Doxyfile'], capture_output=True, text=True,
                              env=os.environ | {'CRIA_SITE': site, 'CRIA_STYLES': 'docs/site/site.css'})
        failures = check(pathlib.Path(site) / 'html')
    if made.returncode != 0:
        failures.append(made.stderr)
    for text in failures:
        print(text)
    print(f'{int(not failures)} passed, {len(failures)} failed, 0 skipped')
    return failures != []


sys.exit(main())
