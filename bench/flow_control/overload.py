#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What flow control keeps of the service when five times too much is asked for.

Simulated Qwen3-32B endpoints in virtual time, one request in ten of high priority. Prints the peak
of goodput over a ladder of rates (with or without flow control, whichever is better), then goodput and the high priority's time to its first token at
0.7 and 5 times that peak, with flow control and without. `overload.py [SEEDS]`, 3 unless given.
"""
import glob
import json
import os
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..'))
LLMD = os.path.join(ROOT, 'build/release/llmd')
POLICIES = {'flow control': os.path.join(ROOT, 'bench/flow_control/overload.yaml'), 'without': 'gateway'}
DURATION_S = 60
TTFT_S, TPOT_S = 2.0, 0.1
LADDER = [30, 35, 40, 45, 50, 55, 60]
HIGH = 'high'


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float('nan')


def play(policy, rate, seed):
    """Goodput in requests/s, and what the high priority saw."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(
            [LLMD, 'bench', '--virtual', '--profile', 'qwen3-32b-tp2-h100', '--endpoints', '4', '--policy', policy,
             '--rate', str(rate), '--duration', str(DURATION_S), '--input-tokens', '1000', '--output-tokens', '200',
             '--slo', f'ttft={TTFT_S},tpot={TPOT_S}', '--tenant', f'{HIGH}=1@{HIGH}', '--tenant', 'low=9',
             '--seed', str(seed), '--per-request', '--out', out],
            check=True, stdout=subprocess.DEVNULL)
        with open(glob.glob(f'{out}/**/per_request*.json', recursive=True)[0], encoding='utf-8') as file:
            requests = json.load(file)
    served = [r for r in requests if r.get('error') is None]
    high = [r for r in requests if r['llmd']['tenant'] == HIGH]
    ttft = [first_token_s(r) for r in high if r.get('error') is None]
    good = [r for r in served if first_token_s(r) <= TTFT_S and tpot_s(r) <= TPOT_S]
    return {'goodput': len(good) / DURATION_S, 'high_p50': percentile(ttft, 0.5), 'high_p99': percentile(ttft, 0.99),
            'high_refused': 1 - len(ttft) / max(1, len(high))}


def times_of(request):
    return request['info']['response_metrics']['output_token_times']


def first_token_s(request):
    return times_of(request)[0] - request['start_time']


def tpot_s(request):
    times = times_of(request)
    return (times[-1] - times[0]) / max(1, len(times) - 1)


def mean(rows, key):
    return statistics.mean(row[key] for row in rows)


def main():
    seeds = range(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
    peak = max(mean([play(policy, rate, seed) for seed in seeds], 'goodput')
               for rate in LADDER for policy in POLICIES.values())
    print(f'peak goodput {peak:.1f} requests/s (TTFT <= {TTFT_S:g} s, TPOT <= {TPOT_S:g} s), {len(seeds)} seeds')
    print(f'{"":14}{"load":>6}{"goodput":>10}{"of peak":>9}{"high p50":>10}{"high p99":>10}{"high refused":>14}')
    for name, policy in POLICIES.items():
        for load in (0.7, 5):
            rows = [play(policy, load * peak, seed) for seed in seeds]
            goodput = mean(rows, 'goodput')
            print(f'{name:14}{load:5g}x{goodput:10.1f}{goodput / peak:9.2f}{mean(rows, "high_p50"):9.2f}s'
                  f'{mean(rows, "high_p99"):9.2f}s{mean(rows, "high_refused"):13.1%}')


if __name__ == '__main__':
    main()
