#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that a machine can check: format, licence lines, include order, sizes, names.

The order of folders in src/README.md is the law: a folder may include only folders listed above it.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINES_PER_FILE_MAX = 500
LINES_PER_FUNCTION_MAX = 70
CODE = {".cc", ".h", ".py", ".sh", ".mjs", ".cmake"}
INCLUDE = re.compile(r'^\s*#include "([a-z_]+)/', re.M)


def tracked():
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                         capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in out.split("\0") if name and (ROOT / name).is_file()]


def check_licence(files):
    for path in files:
        if path.suffix in CODE and "SPDX-License-Identifier: Apache-2.0" not in "".join(
                path.read_text().splitlines(True)[:3]):
            yield f"{path}: no SPDX line"


def check_sizes(files):
    for path in files:
        if path.suffix in CODE and (lines := len(path.read_text().splitlines())) > LINES_PER_FILE_MAX:
            yield f"{path}: {lines} lines, at most {LINES_PER_FILE_MAX}"


def check_names(files):
    for path in files:
        if path.suffix in CODE and not re.fullmatch(r"[a-z0-9_.]+", path.name):
            yield f"{path}: file names are snake_case"


def folder_order():
    rows = re.findall(r"^\| `([a-z_]+)/` \|", (ROOT / "src/README.md").read_text(), re.M)
    return {name: place for place, name in enumerate(rows)}


def check_includes(files):
    order = folder_order()
    for path in files:
        if path.suffix not in {".cc", ".h"} or ROOT / "src" not in path.parents:
            continue
        folder = path.relative_to(ROOT / "src").parts[0]
        if folder not in order:
            yield f"{path}: src/README.md does not list {folder}/"
            continue
        for target in INCLUDE.findall(path.read_text()):
            if order.get(target, len(order)) > order[folder]:
                yield f"{path}: {folder}/ may not include {target}/, which stands below it"


def check_functions(files):
    names = "\n".join(str(p) for p in files if p.suffix in {".cc", ".h"})
    tags = subprocess.run(["ctags", "-L", "-", "--c++-kinds=f", "--fields=+ne", "-o", "-"], input=names,
                          capture_output=True, text=True, check=True).stdout
    for line in tags.splitlines():
        start, end = (re.search(rf"\b{key}:(\d+)", line) for key in ("line", "end"))
        if start and end and int(end[1]) - int(start[1]) + 1 > LINES_PER_FUNCTION_MAX:
            name, path = line.split("\t")[:2]
            yield f"{path}:{start[1]}: {name} is longer than {LINES_PER_FUNCTION_MAX} lines"


def check_format(files):
    sources = [str(p) for p in files if p.suffix in {".cc", ".h"}]
    run = subprocess.run(["clang-format-19", "--dry-run", "-Werror", *sources], capture_output=True, text=True)
    if run.returncode != 0:
        yield run.stderr[:4000] + "\nmake format mends it"


def main():
    files = tracked()
    findings = [f for check in (check_licence, check_sizes, check_names, check_includes, check_functions, check_format)
                for f in check(files)]
    print("\n".join(findings).replace(f"{ROOT}/", "") or f"{len(files)} files keep the rules")
    sys.exit(1 if findings else 0)


main()
