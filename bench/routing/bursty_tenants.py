#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the trace of a bursty mix of tenants, in Mooncake's form: `bursty_tenants.py FILE [SEED]`.

Twelve tenants of unequal size share a pool for two and a half minutes. Each has documents of its own, which its
requests begin with, and bursts: mostly it sends little, now and then ten times as much. The same
numbers come out of the same seed each time.
"""

import json
import random
import sys

BLOCK_TOKENS = 512
TENANTS = 12
SECONDS = 150
MEAN_RATE = 36  # requests per second, of all tenants


class Tenant:
    def __init__(self, index, rng):
        self.rng = rng
        self.rate = MEAN_RATE / (index + 1) / sum(1 / (i + 1) for i in range(TENANTS))
        self.system_blocks = rng.randint(1, 8)
        self.documents = rng.randint(2, 16)
        self.document_blocks = rng.randint(0, 16)
        self.own_tokens = rng.choice([100, 400, 1200])
        self.output_tokens = rng.choice([60, 200, 600])
        self.name = index * 1_000_000

    def arrivals(self):
        """Times at which it sends: bursts of 10 s, 60 s apart, at ten times the rate between."""
        now, burst_ends, burst_begins = 0.0, 0.0, self.rng.expovariate(1 / 60)
        quiet = self.rate / (1 + 9 * 10 / 70)
        while now < SECONDS:
            if now >= burst_begins:
                burst_ends = now + self.rng.expovariate(1 / 10)
                burst_begins = burst_ends + self.rng.expovariate(1 / 60)
            now += self.rng.expovariate(quiet * (10 if now < burst_ends else 1))
            yield now

    def request(self, at):
        document = self.rng.randrange(self.documents)
        first = self.name + 1000 * (document + 1)
        shared = [self.name + i for i in range(self.system_blocks)]
        shared += [first + i for i in range(self.document_blocks)]
        own = max(16, round(self.rng.lognormvariate(0, 0.5) * self.own_tokens))
        blocks = (own + BLOCK_TOKENS - 1) // BLOCK_TOKENS
        return {
            "timestamp": round(at * 1000),
            "input_length": len(shared) * BLOCK_TOKENS + own,
            "output_length": max(1, round(self.rng.lognormvariate(0, 0.5) * self.output_tokens)),
            # Of its own part no block is ever seen again.
            "hash_ids": shared + [self.rng.getrandbits(50) + (1 << 50) for _ in range(blocks)],
        }


def write(path, seed):
    rng = random.Random(seed)
    tenants = [Tenant(i, rng) for i in range(TENANTS)]
    requests = [tenant.request(at) for tenant in tenants for at in tenant.arrivals()]
    with open(path, "w", encoding="ascii") as out:
        for request in sorted(requests, key=lambda each: each["timestamp"]):
            out.write(json.dumps(request) + "\n")


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
