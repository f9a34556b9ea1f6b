"""check.py COMPILE PAGE [PROGRAM ARGUMENT...]: what a page of docs/guide shows is what its files say and do.

A block belongs to the file that was last linked to in front of it. Code must be a part of that file, letter by letter.
Blocks of `text` are, one after the other, all that PROGRAM prints; numbers with a decimal point may differ by one in the
last digit, since two that are nearly equal may be rounded to neighbours. Behind a file wrong_*.cpp, which COMPILE must
refuse, their lines are among what the compiler says."""
import os
import pathlib
import re
import subprocess
import sys


def blocks_of(page):
    """(language, text, the file last linked to) of each fenced block."""
    file, language, lines = None, None, []
    for line in page.read_text(encoding='utf-8').splitlines():
        fence = re.match(r'```(\w*)', line)
        if language is None:
            for link in re.findall(r'\]\(([^)#:]+\.(?:cpp|hpp|txt))\)', line):
                file = (page.parent / link).resolve()
            if fence:
                language, lines = fence[1], []
        elif fence:
            yield language, '\n'.join(lines) + '\n', file
            language = None
        else:
            lines.append(line)


def same(shown, printed):
    """Whether two texts are equal but for roundings."""
    number = re.compile(r'(-?\d+\.\d+)')
    a, b = number.split(shown), number.split(printed)
    if len(a) != len(b) or a[::2] != b[::2]:
        return False
    return all(len(x.split('.')[1]) == len(y.split('.')[1]) and abs(float(x) - float(y)) < 1.5 * 10 ** -len(x.split('.')[1])
               for x, y in zip(a[1::2], b[1::2]))


def main():
    compiler, page, command = sys.argv[1].split(), pathlib.Path(sys.argv[2]), sys.argv[3:]
    failures, checks, shown = [], 0, ''
    for language, text, file in blocks_of(page):
        checks += 1
        if file is None:
            failures.append(f'no file is linked to in front of this block:\n{text}')
        elif language != 'text':
            if text not in file.read_text(encoding='utf-8'):
                failures.append(f'not in {file.name}:\n{text}')
        elif file.name.startswith('wrong_'):
            refused = subprocess.run(compiler + [file], capture_output=True, text=True, env=os.environ | {'LC_ALL': 'C'})
            if refused.returncode == 0 or any(line not in refused.stderr for line in text.splitlines()):
                failures.append(f'{file.name} should be refused with\n{text}and not with\n{refused.stderr[:2000]}')
        else:
            shown += text
    if command:
        checks += 1
        output = subprocess.run(command, capture_output=True, text=True, errors='replace')
        if output.returncode != 0 or not same(shown, output.stdout):
            failures.append(f'{page.name} shows\n{shown}and its program prints, exit status {output.returncode},\n'
                            f'{output.stdout}{output.stderr}')
    for text in failures:
        print(f'{page.name}: {text}')
    print(f'{checks - len(failures)} passed, {len(failures)} failed, 0 skipped')
    return failures != [] or checks == 0


sys.exit(main())
