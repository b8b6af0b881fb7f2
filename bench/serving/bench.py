"""A run: where servers come from, how often each row is repeated, and how a row asks them in turn."""

import resource
import time

from llamacpp.environment import Failed, say

from . import client
from .servers import OURS

LEFT_BEHIND = 1.15  # a file of the peer that is so much slower in a repetition is not asked again


class Bench:
    """`kinds`: the peer's files; `quick`: long texts are half as long."""

    def __init__(self, stage, kinds, quick, reps):
        self.stage, self.kinds, self.quick, self.reps = stage, kinds, quick, reps
        self.lost = {}  # a peer's file -> how it was lost
        self.document = 3968 if quick else 7936  # with question and answer, within the model's context
        self.shared = 3200 if quick else 6400
        self._processor = self._measured = 0.0

    def contestants(self, slots, slot_tokens, *options):
        """Ours and the peer with either file."""
        found = [self.stage.ours(*options)]
        for kind in self.kinds:
            try:
                found.append(self.stage.peer(kind, slots, slot_tokens))
            except Failed as failure:
                self.lose(kind, failure)
        return found

    def lose(self, who, failure):
        say(f"{who}: {failure}")
        self.lost[who] = str(failure)

    def in_turn(self, contestants, measure, cost):
        """measure(server, repetition) -> {cell: value}; cost(values): what is less for the faster of the peer's files."""
        cells, contestants = {}, list(contestants)
        for repetition in range(self.reps):
            costs = {}
            for server in list(contestants):
                usage, start = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
                try:
                    values = measure(server, repetition)
                except (client.Wrong, OSError) as error:
                    if server.who == OURS:
                        raise Failed(f"{error}; {server.last_words()}") from error
                    self.lose(server.who, error)
                    contestants.remove(server)
                    continue
                self._processor += _processor_seconds(resource.getrusage(resource.RUSAGE_SELF)) - _processor_seconds(usage)
                self._measured += time.monotonic() - start
                costs[server.who] = cost(values)
                for name, value in values.items():
                    cells.setdefault(name, {}).setdefault(server.who, []).append(value)
                say(f"{server.who}: " + ", ".join(f"{name} {value:.4g}" for name, value in values.items()))
            peers = {who: spent for who, spent in costs.items() if who in self.kinds}
            contestants = [s for s in contestants if peers.get(s.who, 0) <= LEFT_BEHIND * min(peers.values(), default=0)]
        return cells

    def client_share(self):
        """Of one core, that this program took while it measured, since it was last asked."""
        share = self._processor / self._measured if self._measured else 0.0
        self._processor = self._measured = 0.0
        return share


def _processor_seconds(usage):
    return usage.ru_utime + usage.ru_stime


def whole(server, prompt, tokens):
    stream = client.Stream(server.port, prompt, tokens).read()
    told = stream.usage.get("completion_tokens")
    if told != tokens:
        raise client.Wrong(f"an answer has {told} tokens, expected {tokens}")
    return stream


def closed_loop(server, prompts, clients, tokens):
    """Output tokens a second of so many clients, each of which asks again as soon as it has its answer."""
    waiting = iter(prompts)  # next() of a list's iterator is one step for Python's threads

    def one():
        return sum(whole(server, prompt, tokens).usage["completion_tokens"] for prompt in waiting)

    start = time.monotonic()
    made = client.Running([one] * clients).join()
    return sum(made) / (time.monotonic() - start)
