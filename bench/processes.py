# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks start, and what it costs: llmd's roles, nginx, CPU time and memory from /proc."""
import contextlib
import http.client
import pathlib
import signal
import socket
import subprocess
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(condition, what, seconds=30):
    """The first true value of `condition()`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise SystemExit(f"{what}: waited {seconds} s in vain")


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def get(port, path):
    """Status and text of the answer; status 0 if nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    return 0, ""


class Process:
    """A process with its workers, which ends when `stack` does."""

    def __init__(self, stack, name, command):
        self.name = name
        self.popen = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True)
        self.ports = []
        stack.callback(self.stop)

    @property
    def port(self):
        return self.ports[0]

    def workers(self):
        pid = self.popen.pid
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    def _folders(self):
        return [pathlib.Path(f"/proc/{pid}") for pid in (self.popen.pid, *self.workers())]

    def _schedule_ns(self, field):
        threads = (thread for folder in self._folders() for thread in (folder / "task").iterdir())
        return sum(int((thread / "schedstat").read_text().split()[field]) for thread in threads)

    def cpu_seconds(self):
        return self._schedule_ns(0) / 1e9

    def waited_seconds(self):
        """For how long its threads could have run and had no core."""
        return self._schedule_ns(1) / 1e9

    def memory_mib(self, what="VmRSS"):
        """Resident now; with "VmHWM", at most so far."""
        texts = [(folder / "status").read_text() for folder in self._folders()]
        return sum(int(text.split(f"{what}:")[1].split()[0]) for text in texts) / 1024

    def stop(self):
        self.popen.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(5)
        self.popen.kill()
        self.popen.wait()


def start_listening(stack, name, command, port):
    """A process that does not say when it listens."""
    process = Process(stack, name, command)
    process.ports = [port]
    wait_until(lambda: process.popen.poll() is not None or listens(port), f"{name} on port {port}")
    if process.popen.poll() is not None:
        raise SystemExit(f"{name} ended with status {process.popen.returncode}")
    return process


def start_llmd(stack, build, role, *flags, ready_lines=1):
    """`llmd` in that role; it says on which ports it serves."""
    process = Process(stack, "llmd", [build / "llmd", role, "--port", 0, *flags])
    lines = [process.popen.stdout.readline() for _ in range(ready_lines)]
    if not all(line.startswith("llmd ready ") for line in lines):
        raise SystemExit(f"llmd {role} ended before it was ready")
    process.ports = [int(line.rsplit(":", 1)[1]) for line in lines]
    return process


def start_engines(stack, build, count, *flags):
    """Simulated engines in one process, each with a port."""
    return start_llmd(stack, build, "engine", "--simulated", "--replicas", count, *flags, ready_lines=count)


def start_gateway(stack, build, engine_ports):
    """Ready when one of the engines is."""
    endpoints = [f"--endpoint=http://127.0.0.1:{port}" for port in engine_ports]
    gateway = start_llmd(stack, build, "gateway", *endpoints)
    wait_until(lambda: get(gateway.port, "/ready")[0] == 200, "the gateway")
    return gateway


def start_nginx(stack, folder, port, servers):
    """One worker; `servers` is what its http section says besides, a server on that port among it."""
    own = folder / f"nginx-{port}"
    own.mkdir()
    (own / "conf").write_text(f"""daemon off; worker_processes 1; pid {own}/pid; error_log /dev/null;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 100000000; client_max_body_size 64m; client_body_buffer_size 1m;
  client_body_temp_path {own}/body; proxy_temp_path {own}/proxy;
  fastcgi_temp_path {own}/fastcgi; uwsgi_temp_path {own}/uwsgi; scgi_temp_path {own}/scgi;
  {servers} }}
""")
    nginx = start_listening(stack, "nginx", ["nginx", "-c", own / "conf", "-p", own, "-e", "/dev/null"], port)
    wait_until(nginx.workers, "nginx's worker")
    return nginx


def start_nginx_relay(stack, folder, engine_ports, rule=""):
    """nginx before the engines, each byte passed on as it comes; `rule` chooses among them."""
    port = free_port()
    servers = " ".join(f"server 127.0.0.1:{each};" for each in engine_ports)
    return start_nginx(stack, folder, port, f"""upstream engines {{ {rule} {servers}
    keepalive 512; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ proxy_pass http://engines; proxy_http_version 1.1;
    proxy_set_header Connection ""; proxy_buffering off; proxy_read_timeout 600s; }} }}""")
