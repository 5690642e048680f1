"""The first declaration, as `acquire init` writes it."""

from __future__ import annotations

import re
from typing import Final

_TEXT: Final = """\
# What this data set is made of. `acquire check` reads this file and says what is wrong with it, `acquire plan` shows what
# would be fetched, `acquire fetch` does it. `acquire kinds` lists every kind of source, `acquire schema` every key.
version: 1

dataset:
  name: {name}
  title: ""                     # one line, for the README of the set
  description: ""
  use:                          # every item's license is judged against this
    training: true
    commercial: false
    redistribute: false
    derivatives: true

# Who answers for the traffic. It goes into every user agent; without it nothing is crawled.
# contact: {{name: Your Name, url: https://your.site/about-this-crawler, email: you@your.site}}

sources:
  iris:                         # the name is yours; it becomes a folder's name
    kind: uci
    id: 53                      # the number in the page's address
    files: {{include: [iris.data]}}
    items: {{as: rows, label: 4}} # columns by name, or by position counted from 0
    why: a small table to try everything with

  # reviews:
  #   kind: huggingface
  #   repo: owner/name
  #   files: {{include: ["data/train-*.parquet"]}}
  #   items: {{as: rows, text: text, label: label}}

  # recordings:
  #   kind: local
  #   path: ~/recordings        # one folder per class
  #   items: {{as: files, label: {{from: folder}}}}
  #   license: {{declared: LicenseRef-Proprietary, evidence: ~/recordings/LICENSE.txt, ml_training: allowed}}

# Filters only write flags; one that is not named runs with its defaults.
filters: {{}}

# What flags lead to: drop, hold, redact or keep. The built-in rules follow these; `acquire check` prints both.
policy: []

curated:
  layout: parquet               # parquet, or folders: one folder per class
  splits: {{train: 0.8, validation: 0.1, test: 0.1}}
"""


def starter(name: str) -> str:
    """Return a commented first declaration for a data set of this name; it is valid as it stands.

    Characters that a name cannot have become dashes.
    """
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:100] or "dataset"
    return _TEXT.format(name=clean if not clean.isdecimal() else f'"{clean}"')
