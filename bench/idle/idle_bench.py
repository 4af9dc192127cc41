#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What it costs the gateway to know 100 engines.

  idle_bench.py BUILD_DIR [--endpoints 100] [--page-kb 60] [--seconds 10]

One process plays the engines: each has a port, a metrics page of vLLM's size and a request that it
never answers. First nothing is asked (idle), then each engine has such a request, so that its page
is read as often as the gateway reads any. Printed are the gateway's CPU time as a share of a core
(/proc/PID/task/*/schedstat), the pages that it read, and its memory. The engines' CPU time is not counted.
"""
import argparse
import asyncio
import contextlib
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import start_llmd  # noqa: E402

MODELS = json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]})
FAMILIES = ("iteration_tokens_total", "request_prompt_tokens", "request_generation_tokens",
            "time_to_first_token_seconds", "inter_token_latency_seconds", "e2e_request_latency_seconds",
            "request_queue_time_seconds", "request_inference_time_seconds", "request_prefill_time_seconds",
            "request_decode_time_seconds", "request_params_max_tokens", "request_params_n")
SETTLE_S = 15  # the pages of an idle engine are read less and less, down to this


def metrics_page(size):
    labels = 'engine="0",model_name="meta-llama/Llama-3.1-70B-Instruct"'
    lines = ["process_start_time_seconds 1.76e+09", f"vllm:num_requests_running{{{labels}}} 1.0",
             f"vllm:num_requests_waiting{{{labels}}} 0.0", f"vllm:kv_cache_usage_perc{{{labels}}} 0.25",
             'vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="27000"} 1.0']
    bucket, length = 0, sum(len(line) + 1 for line in lines)
    while length < size:
        name = FAMILIES[bucket % len(FAMILIES)]
        lines.append(f'vllm:{name}_bucket{{{labels},le="{bucket / 8}"}} {bucket * 37}.0')
        length += len(lines[-1]) + 1
        bucket += 1
    return "\n".join(lines) + "\n"


class Engine(asyncio.Protocol):
    """One connection to an engine."""
    answers = {}
    pages = 0
    held = 0

    def connection_made(self, transport):
        self.transport, self.got = transport, b""

    def data_received(self, data):
        self.got += data
        while b"\r\n\r\n" in self.got:
            if self.got.startswith(b"POST "):
                Engine.held += 1
                self.got = b""
                return  # never answered
            head, self.got = self.got.split(b"\r\n\r\n", 1)
            path = head.split(b" ", 2)[1]
            Engine.pages += path == b"/metrics"
            self.transport.write(Engine.answers[path])


def answer(body, kind):
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


async def wait_until(condition, what, seconds=30):
    for _ in range(seconds * 20):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise SystemExit(f"{what}: waited {seconds} s in vain")


async def measure(name, gateway, options):
    before, pages, began = gateway.cpu_seconds(), Engine.pages, asyncio.get_running_loop().time()
    await asyncio.sleep(options.seconds)
    wall = asyncio.get_running_loop().time() - began
    share = (gateway.cpu_seconds() - before) / wall
    per_s = (Engine.pages - pages) / wall
    print(f"{name}: {share:.4f} cores, {per_s:.0f} pages/s, {share / max(per_s, 1e-9) * 1e6:.0f} us a page, "
          f"{gateway.memory_mib():.0f} MiB", flush=True)


async def bench(options, folder):
    Engine.answers = {b"/health": answer("", "text/plain"), b"/v1/models": answer(MODELS, "application/json"),
                      b"/metrics": answer(metrics_page(options.page_kb * 1000), "text/plain")}
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Engine, "127.0.0.1", 0) for _ in range(options.endpoints)]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    listed = folder / "endpoints.yaml"
    listed.write_text("endpoints:\n" + "".join(
        f'- {{name: e{i}, address: 127.0.0.1, port: "{port}"}}\n' for i, port in enumerate(ports)))
    with contextlib.ExitStack() as stack:
        gateway = start_llmd(stack, options.build, "gateway", "--endpoints", listed)
        await wait_until(lambda: Engine.pages >= options.endpoints, "the first pages")
        await asyncio.sleep(SETTLE_S)
        await measure("idle", gateway, options)
        clients = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(options.endpoints)]
        for i, (_, writer) in enumerate(clients):
            body = json.dumps({"model": "m", "prompt": f"{i} " * 50})
            writer.write(f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}"
                         .encode())
            await writer.drain()
        await wait_until(lambda: Engine.held == options.endpoints, "a request at each engine")
        await asyncio.sleep(2)
        await measure("busy", gateway, options)
        for _, writer in clients:
            writer.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--endpoints", type=int, default=100)
    parser.add_argument("--page-kb", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(bench(options, pathlib.Path(folder)))


if __name__ == "__main__":
    main()
