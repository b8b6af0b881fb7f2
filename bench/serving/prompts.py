"""Texts of an exact number of tokens: sentences of common words, tokenised once by ours, sent as ids to both servers."""

import random

from . import client

WORDS = {
    "first": "old quiet green distant narrow clever late broken warm early silver hungry patient common hidden northern".split(),
    "noun": "harbour teacher river engine window letter garden winter farmer bridge mountain kitchen doctor market forest "
    "sailor village morning painter station".split(),
    "verb": "keeps finds crosses repairs follows remembers sells watches leaves carries paints visits hears builds".split(),
    "last": "before dawn, without a word, every second year, near the mill, in plain sight, after the storm, for nothing, "
    "as agreed, on foot".split(", "),
}


def sentence(dice):
    one = {kind: dice.choice(words) for kind, words in WORDS.items()}
    return f"The {one['first']} {one['noun']} {one['verb']} the {dice.choice(WORDS['first'])} {dice.choice(WORDS['noun'])} {one['last']}. "


class Prompts:
    """Ids without end, no stretch twice; the same ones for the same seed."""

    BATCH = 2000  # sentences

    def __init__(self, server, seed):
        self._server, self._dice, self._ids = server, random.Random(seed), []

    def take(self, tokens):
        while len(self._ids) < tokens:
            text = "".join(sentence(self._dice) for _ in range(self.BATCH))
            self._ids += client.post(self._server.port, "/tokenize", {"prompt": text, "add_special_tokens": False})["tokens"]
        taken, self._ids = self._ids[:tokens], self._ids[tokens:]
        return taken
