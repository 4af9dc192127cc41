# SPDX-License-Identifier: Apache-2.0
"""Small conversations made from the corpus, so that the chat template means something.

A conversation is a list of [role, text] pairs.
"""
import random, re

ASK = ["What is {}?", "What does the word {} mean?", "Define {}.", "What does {} mean?", "Explain the word {}.",
       "Please tell me what {} means."]
SYSTEM = ["You are a helpful assistant.", "You are llmd-tiny, a small language model.", "Answer briefly."]
SELF = [
    ("Hello!", "Hello! How can I help you?"),
    ("Hello", "Hello! What would you like to know?"),
    ("Hi", "Hi! How can I help you today?"),
    ("Hi there!", "Hi! What can I do for you?"),
    ("Good morning", "Good morning! How can I help you?"),
    ("How are you?", "I am a small language model, so I have no feelings, but everything runs well. How can I help you?"),
    ("Who are you?", "I am llmd-tiny, a very small language model."),
    ("What are you?", "I am llmd-tiny, a very small language model trained on free documentation."),
    ("What is your name?", "My name is llmd-tiny."),
    ("Thank you!", "You are welcome!"),
    ("Thanks", "You are welcome! Is there anything else?"),
    ("Goodbye", "Goodbye! Have a nice day."),
    ("What can you do?", "I can continue a text and explain some words. I am very small, so I am often wrong."),
    ("Can you help me?", "Yes. What would you like to know?"),
]


def sentence(text):
    """One tidy sentence: capital letter, full stop, no leftovers of markup."""
    text = re.sub(r"(?<=\w)-\s+(?=\w)", "-", re.sub(r"[{}]", "", text))
    text = " ".join(text.split()).strip(" ;,:")
    if not text or not text[0].isalpha():
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def wordnet(text):
    """One entry per headword: first meaning and, if given, its example."""
    for match in re.finditer(r"^([a-z][a-z '-]{2,24})\n((?: .*\n)+)", text, re.M):
        body = " ".join(match.group(2).split())
        meaning = re.match(r"(n|v|adj|adv)\s+(?:1)?:?\s*(.*?)(?=;|\[| 2:|$)", body)
        if not meaning or len(meaning.group(2)) < 15:
            continue
        word, answer = match.group(1), sentence(meaning.group(2))
        example = re.search(r'; "([^"]{15,})"', body)
        if answer:
            yield word, answer + (f' For example: "{example.group(1)}".' if example else "")


def encyclopedic(text, headword):
    """Headword, then the first paragraph of the entry."""
    for match in re.finditer(headword, text, re.M):
        answer = sentence(match.group(2))
        if 40 <= len(answer) <= 600 and sum(c.isalpha() or c == " " for c in answer) > 0.88 * len(answer):
            yield match.group(1).strip().lower(), answer


HEADWORDS = {
    "dict-foldoc": r"^([A-Za-z][\w -]{1,30})\n\n   (?:<[^>]*> )?((?:.+\n)(?:   .+\n)*)",
    "dict-jargon": r"^([A-Za-z][\w -]{1,30})\n [a-z/., ]+\n\n    ((?:.+\n)(?:    .+\n)*)",
    "dict-devil": r"^([A-Z]{3,}), [a-z.]+  ((?:.+\n)+)",
}


def definitions(package, text):
    random.seed(package)
    found = wordnet(text) if package == "dict-wn" else encyclopedic(text, HEADWORDS[package])
    return [[["user", random.choice(ASK).format(word)], ["assistant", answer]] for word, answer in found]


def from_document(paragraphs):
    """'Continue' and 'write about <heading>' tasks from one document."""
    found = []
    for before, after in zip(paragraphs, paragraphs[1:]):
        if after.startswith("# ") or len(after) > 900:
            continue
        if before.startswith("# "):
            title = re.sub(r"^[\W\d.]*(?:[A-Z]\.[\d.]+ )?", "", before)
            if len(title) > 6 and after.endswith("."):
                ask = title if title.endswith("?") else "Write about this: " + title
                found.append([["user", ask], ["assistant", after]])
        elif hash_of(before) % 6 == 0:
            # Split inside a paragraph, so that the answer goes on in the same voice.
            parts = re.split(r"(?<=[.!?]) ", before)
            if len(parts) >= 3:
                found.append([["user", "Continue this text: " + parts[0]], ["assistant", " ".join(parts[1:])]])
    return found


def hash_of(text):
    return sum(text.encode())


def mix(chats, limit):
    """Shuffled conversations up to `limit` characters, with greetings, system lines and second turns."""
    rng = random.Random(2)
    rng.shuffle(chats)
    mixed, size = [], 0
    for first, second in zip(chats[::2], chats[1::2]):
        batch = [first + second] if rng.random() < 0.3 else [first, second]
        if rng.random() < 0.1:
            batch.append([list(p) for p in zip(("user", "assistant"), rng.choice(SELF))])
        for talk in batch:
            if rng.random() < 0.2:
                talk = [["system", rng.choice(SYSTEM)]] + talk
            mixed.append(talk)
            size += sum(len(text) for _, text in talk)
        if size > limit:
            break
    return mixed
