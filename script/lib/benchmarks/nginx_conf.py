"""nginx_conf.py - reads and writes nginx's configuration

A directive is a list of words, and a block has its directives behind them:
(["listen", "8080"], None) or (["server"], [...]).  Comments are dropped.

SPDX-License-Identifier: Apache-2.0
"""
import re

TOKEN = re.compile(r"""\s+|\#[^\n]*|([{};])|("(?:[^"\\]|\\.)*")|"""
                   r"""('(?:[^'\\]|\\.)*')|([^\s{};"']+)""")


def tokens(text):
    at = 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"nginx.conf: cannot read {text[at:at + 20]!r}")
        at = found.end()
        if found[0].strip() and not found[0].startswith("#"):
            yield found[0]


def block(stream):
    directives, words = [], []
    for token in stream:
        if token == "}":
            break
        if token == ";":
            directives.append((words, None))
            words = []
        elif token == "{":
            directives.append((words, block(stream)))
            words = []
        else:
            words.append(token)
    return directives


def parse(text):
    return block(iter(tokens(text)))


def write(directives, indent=""):
    lines = []
    for words, inner in directives:
        line = indent + " ".join(words)
        if inner is None:
            lines.append(line + ";")
        else:
            lines += [line + " {", write(inner, indent + "    "),
                      indent + "}"]
    return "\n".join(lines)


def named(directives, name):
    """The blocks and directives of that name."""
    return [item for item in directives if item[0][0] == name]
