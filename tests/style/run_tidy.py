#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run_tidy.py BUILD_DIR: clang-tidy over every source file that changed since it last passed.

A file's stamp is a hash over itself, every project header it reaches and the tidy configuration,
so a second run costs milliseconds, and a change to a header checks again whoever includes it.
"""
import concurrent.futures
import hashlib
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
STAMPS = ROOT / "build" / "tidy"
INCLUDE = re.compile(r'^\s*#include "([^"]+)"', re.M)


def reached_headers(path, seen):
    for name in INCLUDE.findall(path.read_text(errors="replace")):
        header = SRC / name
        if header.exists() and header not in seen:
            seen.add(header)
            reached_headers(header, seen)
    return seen


def stamp_of(path):
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
    for part in [path, *sorted(reached_headers(path, set()))]:
        digest.update(part.read_bytes())
    return STAMPS / f"{path.relative_to(ROOT).as_posix().replace('/', '_')}.{digest.hexdigest()[:24]}"


def tidy(build, path):
    stamp = stamp_of(path)
    if stamp.exists():
        return None
    run = subprocess.run(["clang-tidy-19", "--quiet", "-p", build, "--extra-arg=-Wno-unknown-warning-option",
                          "--extra-arg=-Wno-deprecated-declarations", str(path)], capture_output=True, text=True)
    if run.returncode != 0:
        return run.stdout + run.stderr[-2000:]
    for old in STAMPS.glob(stamp.name.rsplit(".", 1)[0] + ".*"):
        old.unlink()
    stamp.touch()
    return None


def main():
    build = sys.argv[1]
    STAMPS.mkdir(parents=True, exist_ok=True)
    sources = sorted(p for p in SRC.rglob("*.cc"))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        findings = [text for text in pool.map(lambda p: tidy(build, p), sources) if text]
    print("\n".join(findings) or f"{len(sources)} files are clean")
    sys.exit(1 if findings else 0)


main()
