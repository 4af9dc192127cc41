#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fetch Debian packages and turn the English prose in them into training text.

Writes train.txt, heldout.txt (documents separated by a NUL byte), chat.jsonl
and chat_heldout.jsonl to the work folder, and sources.json for the model card.
"""
import argparse, glob, gzip, hashlib, html.parser, json, os, random, re, subprocess, unicodedata
from collections import namedtuple

import chat

Source = namedtuple("Source", "package kind pattern licence")
DOC = "usr/share/doc/"
SOURCES = [
    Source("anarchism", "html", DOC + "anarchism/html/*.html", "GPL-2+"),
    Source("bible-kjv-text", "kjv", "usr/lib/bible.data", "public domain text"),
    Source("debian-handbook", "html", DOC + "debian-handbook/html/en-US/*.html", "GPL-2+ or CC-BY-SA-3.0"),
    Source("debian-reference-en", "html", DOC + "debian-reference-en/**/*.html", "GPL-2+"),
    Source("developers-reference", "html", "usr/share/developers-reference/*.html", "GPL-2"),
    Source("debian-faq", "html", DOC + "debian/FAQ/*.html", "GPL-2+"),
    Source("debian-policy", "html", DOC + "debian-policy/policy.html/*.html", "GPL-2+"),
    Source("debian-history", "html", DOC + "debian-history/**/*.en.html", "GPL-2+"),
    Source("maint-guide", "html", DOC + "maint-guide/html/*.html", "GPL-2+"),
    Source("debmake-doc", "html", DOC + "debmake-doc/html/*.html", "MIT"),
    Source("harden-doc", "html", DOC + "harden-doc/html/en-US/**/*.html", "GPL-2"),
    Source("doc-debian", "text", DOC + "debian/*t.txt.gz", "public domain, GPL-2+"),
    Source("installation-guide-amd64", "html", DOC + "installation-guide-amd64/en/*.html", "GPL-2"),
    Source("aptitude-doc-en", "html", DOC + "aptitude/html/en/*.html", "GPL-2+"),
    Source("live-manual-txt", "text", DOC + "live-manual/txt/*.en.txt.gz", "GPL-3+"),
    Source("freedombox-doc-en", "html", "usr/share/freedombox/manual/en/*.part.html", "CC-BY-SA-4.0"),
    Source("gnome-user-docs", "page", "usr/share/help/C/*/*.page", "CC-BY-SA-3.0"),
    Source("rust-doc", "html", DOC + "rust-doc/html/[bnre]*/**/*.html", "MIT or Apache-2.0"),
    Source("python3.11-doc", "html", DOC + "python3.11/html/[tfhw]*/*.html", "PSF-2"),
    Source("python-django-doc", "html", DOC + "python-django-doc/html/**/*.html", "BSD-3-Clause"),
    Source("git-doc", "html", DOC + "git/html/*.html", "GPL-2"),
    Source("postgresql-doc-15", "html", DOC + "postgresql-doc-15/html/*.html", "PostgreSQL"),
    Source("sqlite3-doc", "html", DOC + "sqlite3/**/*.html", "public domain"),
    Source("apache2-doc", "html", DOC + "apache2-doc/manual/en/**/*.html", "Apache-2.0"),
    Source("gnu-standards", "text", DOC + "gnu-standards/*.text.gz", "GFDL-1.3+"),
    Source("miscfiles", "text", "usr/share/state/*.gz", "public domain"),
    Source("dict-devil", "dict", "usr/share/dictd/devil.dict.dz", "public domain"),
    Source("dict-jargon", "dict", "usr/share/dictd/jargon.dict.dz", "public domain"),
    Source("dict-foldoc", "dict", "usr/share/dictd/foldoc.dict.dz", "GFDL-1.1+"),
    Source("dict-wn", "wordnet", "usr/share/dictd/wn.dict.dz", "WordNet licence (permissive)"),
    Source("endless-sky-data", "sky", "usr/share/games/endless-sky/data/**/*.txt", "GPL-3+"),
] + [
    Source("wesnoth-1.16-" + c, "wml", "usr/share/games/wesnoth/1.16/data/campaigns/*/**/*.cfg", "GPL-2+")
    for c in "sota httt thot l trow utbs did low dm dw ei nr sof tsg ttb sotbe".split()
]

SKIP_TAGS = {"script", "style", "nav", "head", "table", "pre", "footer", "svg", "code-block", "info", "media"}
BLOCKS = {"p", "li", "dd", "dt", "blockquote", "div", "section", "item", "td", "title", "br"}
HEADINGS = {"h1", "h2", "h3", "h4", "title"}


class Prose(html.parser.HTMLParser):
    """Collects paragraphs; headings come out prefixed with '# '."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.paragraphs, self.buffer, self.skipping, self.heading = [], [], [], False

    def flush(self):
        text = " ".join("".join(self.buffer).split())
        self.buffer = []
        if text:
            self.paragraphs.append(("# " if self.heading else "") + text)

    def handle_starttag(self, tag, attrs):
        if self.skipping or tag in SKIP_TAGS:
            # Only the same tag nests: stray end tags of others must not end the skip.
            if not self.skipping or tag == self.skipping[-1]:
                self.flush()
                self.skipping.append(tag)
        elif tag in BLOCKS or tag in HEADINGS:
            self.flush()
            self.heading = tag in HEADINGS

    def handle_endtag(self, tag):
        if self.skipping:
            if tag == self.skipping[-1]:
                self.skipping.pop()
        elif tag in BLOCKS or tag in HEADINGS:
            self.flush()
            self.heading = False

    def handle_data(self, data):
        if not self.skipping:
            self.buffer.append(data)


def read(path):
    data = gzip.open(path, "rb").read() if path.endswith((".gz", ".dz")) else open(path, "rb").read()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def from_html(path):
    parser = Prose()
    parser.feed(read(path))
    parser.flush()
    yield parser.paragraphs


def from_text(path):
    yield [" ".join(p.split()) for p in re.split(r"\n\s*\n", read(path))]


def from_dict(path):
    """Dictionary entries: a headword in the first column, then an indented body."""
    text = re.sub(r"[{}]|<[^>]*> |\[[^\]]*\]", "", read(path))
    paragraphs = [" ".join(p.split()) for p in re.split(r"\n\s*\n", text)]
    for i in range(0, len(paragraphs), 40):
        yield paragraphs[i:i + 40]


def from_wml(path):
    """Story and dialogue of a game campaign, in file order."""
    lines, speaker = [], ""
    for match in re.finditer(r'speaker=\s*(\w+)|(?:message|story)=\s*_\s*"((?:[^"]|"")*)"', read(path)):
        if match.group(1):
            speaker = match.group(1)
            continue
        text = " ".join(re.sub(r"<[^>]*>", "", match.group(2)).replace('""', '"').split())
        named = speaker and speaker not in ("narrator", "unit", "second_unit")
        lines.append(f'{speaker}: "{text}"' if named and "$" not in text else text)
        speaker = ""
    yield [l for l in lines if "$" not in l]


FILL = {"origin": "Farpoint", "destination": "New Boston", "planet": "Millrace", "system": "Rutilicus",
        "first": "Alex", "last": "Reed", "ship": "Aurora", "payment": "80,000 credits", "npc": "Raven",
        "date": "the tenth of May", "day": "the tenth of May", "stopovers": "Greenrock", "bunks": "seven",
        "commodity": "food", "tons": "twenty tons", "cargo": "twenty tons of food", "fare": "passengers",
        "passengers": "seven passengers", "conditions": "", "waypoints": "Sabik"}


def from_sky(path):
    """Each mission of a space game is one document of narrative text."""
    for mission in re.split(r"\n(?=\w)", read(path)):
        parts = re.findall(r"`([^`]{20,})`", mission)
        parts = [re.sub(r"<(\w+)>", lambda m: FILL.get(m.group(1), m.group(0)), p) for p in parts]
        yield [" ".join(p.split()) for p in parts if not re.search(r"[<&]", p)]


def from_kjv(path):
    """The text is packed; the companion program unpacks it, a verse a line."""
    root = path.split("/bible-kjv-text/")[0]
    out = subprocess.run([root + "/bible-kjv/usr/bin/bible", "-p", os.path.dirname(path), "-f", "gen1:1-rev22:21"],
                         capture_output=True, text=True, check=True).stdout
    chapters = {}
    for line in out.splitlines():
        match = re.match(r"(\w+?)(\d+):(\d+) (.*)", line.strip())
        if match:
            chapters.setdefault(match.group(1, 2), []).append(match.group(4))
    for verses in chapters.values():
        yield [" ".join(verses[i:i + 6]) for i in range(0, len(verses), 6)]


READERS = {"html": from_html, "page": from_html, "text": from_text, "dict": from_dict,
           "wml": from_wml, "sky": from_sky, "kjv": from_kjv}
FOLD = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "--",
                      "\u2026": "...", "\u00a0": " ", "\u00b6": "", "\u00ad": "", "\ufeff": "", "\u2212": "-",
                      "\u2022": "-", "\u2192": "->", "`": "'"})


def clean(text):
    text = unicodedata.normalize("NFC", text.translate(FOLD)).replace("''", '"')
    text = re.sub(r"\s+([,.;:)\]])", r"\1", re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text))
    return re.sub(r"  +", " ", text).strip()


ENGLISH = set("the of to and is that you it be are was were i he she not this with for by from your we they".split())


def readable(text):
    """Prose: mostly letters and spaces, some length, ordinary words."""
    if text.startswith("# "):
        return 8 <= len(text) <= 90
    if len(text) < 60 or not re.search(r"[.!?:\"')]$", text):
        return False
    letters = sum(c.isalpha() or c == " " for c in text)
    ascii_only = sum(c < "\x80" for c in text)
    words = text.lower().split()
    return (letters >= 0.86 * len(text) and ascii_only >= 0.97 * len(text)
            and sum(w in ENGLISH for w in words) >= 0.12 * len(words))


def fetch(package, work):
    """Download with apt and unpack without installing; returns root and version."""
    debs, root = os.path.join(work, "deb"), os.path.join(work, "x", package)
    os.makedirs(debs, exist_ok=True)
    if not glob.glob(f"{debs}/{package}_*.deb"):
        subprocess.run(["apt-get", "download", "-q", package], cwd=debs, check=True, capture_output=True)
    deb = glob.glob(f"{debs}/{package}_*.deb")[0]
    if not os.path.isdir(root):
        subprocess.run(["dpkg", "-x", deb, root], check=True)
    return root, os.path.basename(deb).split("_")[1].replace("%3a", ":")


def documents(source, root, seen):
    """Cleaned documents of one package; a paragraph seen anywhere before is dropped."""
    for path in sorted(glob.glob(os.path.join(root, source.pattern), recursive=True)):
        for paragraphs in READERS[source.kind](path):
            kept = []
            for paragraph in filter(readable, map(clean, paragraphs)):
                digest = hashlib.md5(paragraph.lower().encode()).digest()
                if digest not in seen:
                    seen.add(digest)
                    kept.append(paragraph)
            while kept and kept[-1].startswith("# "):
                kept.pop()
            if sum(map(len, kept)) >= 200:
                yield kept


def as_text(paragraphs):
    return "\n\n".join(p[2:] if p.startswith("# ") else p for p in paragraphs) + "\n"


def held(key):
    """About one document in fifty, chosen by content so that it never moves."""
    return hashlib.sha1(key.encode()).digest()[0] < 5


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--work", default="build/train")
    work = os.path.abspath(args.parse_args().work)
    fetch("bible-kjv", work)
    seen, train, heldout, chats, report = set(), [], [], [], []
    for source in SOURCES:
        root, version = fetch(source.package, work)
        count, size = 0, 0
        if source.kind in ("dict", "wordnet"):
            for path in glob.glob(os.path.join(root, source.pattern)):
                chats += chat.definitions(source.package, read(path).translate(FOLD))
        if source.kind != "wordnet":
            for paragraphs in documents(source, root, seen):
                text = as_text(paragraphs)
                count, size = count + 1, size + len(text.encode())
                if held(text):
                    heldout.append(text)
                else:
                    train.append(text)
                    chats += chat.from_document(paragraphs)
        report.append(dict(package=source.package, version=version, licence=source.licence, documents=count, bytes=size))
        print(f"{source.package:28} {version:24} {count:6} documents {size:10} bytes", flush=True)
    random.Random(1).shuffle(train)
    chats = chat.mix(chats, limit=int(0.12 * sum(map(len, train))))
    parts = {"train.txt": "\0".join(train), "heldout.txt": "\0".join(heldout),
             "chat.jsonl": "\n".join(json.dumps(c) for c in chats if not held(c[0][1])),
             "chat_heldout.jsonl": "\n".join(json.dumps(c) for c in chats if held(c[0][1])),
             "sources.json": json.dumps(report, indent=1)}
    for name, text in parts.items():
        with open(os.path.join(work, name), "w", encoding="utf-8") as out:
            out.write(text)
        print(name, len(text.encode()))


if __name__ == "__main__":
    main()
