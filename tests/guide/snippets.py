"""snippets.py COMPILE PAGE FRAME: the C++ of a page compiles. FRAME is what the page takes for granted; for its line
`// declarations` stand all types and aliases of the page, and for `// statements N` the statements of its block N, each of which
must have a place."""
import pathlib
import re
import subprocess
import sys


def parts_of(block):
    """The #includes of a block, its types, aliases and assertions, and its statements."""
    includes, declarations, statements, into = [], [], [], None
    for line in block.splitlines():
        if line.startswith('#include'):
            includes.append(line)
        elif into is None and re.match(r'(template <.*> )?struct ', line) and not line.rstrip().endswith('};'):
            into = declarations
            into.append(line)
        elif into is None and re.match(r'(using|static_assert|struct) ?', line):
            declarations.append(line)
        else:
            (statements if into is None else into).append(line)
            if line == '};':
                into = None
    return includes, declarations, statements


def main():
    compiler, page, frame = sys.argv[1].split(), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    blocks = [parts_of(b) for b in re.findall(r'^```cpp\n(.*?)^```', page.read_text(encoding='utf-8'), re.M | re.S)]
    source, placed = [line for includes, _, _ in blocks for line in includes], set()
    for line in frame.read_text(encoding='utf-8').splitlines():
        number = re.match(r'\s*// statements (\d+)$', line)
        if line == '// declarations':
            source += [text for _, declarations, _ in blocks for text in declarations]
        elif number:
            placed.add(int(number[1]))
            source += blocks[int(number[1]) - 1][2]
        else:
            source.append(line)
    failures = [f'{page.name}: block {n} has no place in {frame.name}' for n, (_, _, statements) in enumerate(blocks, 1)
                if any(line.strip() for line in statements) and n not in placed]
    made = subprocess.run(compiler + ['-x', 'c++', '-'], input='\n'.join(source) + '\n', capture_output=True, text=True)
    if made.returncode != 0:
        failures.append(f'{page.name}: its snippets do not compile\n{made.stderr[:4000]}')
    for text in failures:
        print(text)
    print(f'{len(blocks) - len(failures)} passed, {len(failures)} failed, 0 skipped')
    return failures != [] or not blocks


sys.exit(main())
