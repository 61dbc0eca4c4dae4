"""A Kubernetes API for tests that answers what Snakemake's executor asks, and runs each job on this machine.

A job gets what a pod would: an empty working directory, the environment variables of its secret, the programs of its
image (here: one folder of programs), and nothing of the folder where Snakemake was started. There is no scheduler and
no container, so that nothing here shows whether a cluster would accept a job.
"""

import base64
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

#: Of the machine, a pod has none of the settings; a few are needed to reach the package index.
KEPT = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "no_proxy")


@dataclass
class Cluster:
    """What was submitted, and what became of it."""

    folder: Path
    programs: Path
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    submitted: list[dict[str, Any]] = field(default_factory=list)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    kubeconfig: Path = Path()

    def create(self, job: dict[str, Any]) -> None:
        """Start the container of a job."""
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert container["command"] == ["/bin/sh"]
        name = job["metadata"]["name"]
        place = Path(tempfile.mkdtemp(prefix="pod-", dir=self.folder))
        variables = {key: os.environ[key] for key in KEPT if key in os.environ}
        variables |= {"PATH": f"{self.programs}{os.pathsep}/usr/bin{os.pathsep}/bin", "HOME": str(place.parent)}
        variables |= {"OMP_NUM_THREADS": "1", "TMPDIR": tempfile.gettempdir()}
        for variable in container.get("env", []):
            source = variable["valueFrom"]["secretKeyRef"]
            variables[variable["name"]] = self.secrets[source["name"]][source["key"]]
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                ["/bin/sh", *container["args"]],
                cwd=place,
                env=variables,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.submitted.append(job)

    def status(self, name: str) -> dict[str, int]:
        """Status of a job as in its V1JobStatus."""
        match self.running[name].poll():
            case None:
                return {"active": 1}
            case 0:
                return {"succeeded": 1}
            case _:
                return {"failed": 1}

    def stop(self) -> None:
        """End what still runs, with all that it started."""
        for process in self.running.values():
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def logs(self) -> str:
        """What the jobs that failed said."""
        failed = [name for name, process in self.running.items() if process.poll()]
        return "\n".join((self.folder / f"{name}.log").read_text(errors="replace")[-6000:] for name in failed)


@contextmanager
def cluster(folder: Path, programs: Path) -> Iterator[Cluster]:
    """Serve the API until the block ends; ``programs`` is a folder with the python of the image."""
    state = Cluster(folder, programs)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(state))
    state.kubeconfig = folder / "kubeconfig"
    state.kubeconfig.write_text(yaml.safe_dump(kubeconfig(f"http://127.0.0.1:{server.server_port}")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        state.stop()


def kubeconfig(address: str) -> dict[str, Any]:
    """The file that names the cluster."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": address}}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }


def handler(state: Cluster) -> type[BaseHTTPRequestHandler]:
    """Answers to requests about a cluster."""

    class Handler(BaseHTTPRequestHandler):
        def body(self) -> dict[str, Any]:
            return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

        def answer(self, content: dict[str, Any], code: int = 200) -> None:
            data = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            given = self.body()
            if self.path.endswith("/secrets"):
                values = {key: base64.b64decode(value).decode() for key, value in given["data"].items()}
                state.secrets[given["metadata"]["name"]] = values
                self.answer(given, 201)
            elif self.path.endswith("/jobs"):
                state.create(given)
                self.answer(given, 201)
            else:
                self.answer({"message": f"not known: {self.path}"}, 404)

        def do_GET(self) -> None:
            if found := re.search(r"/jobs/([\w-]+)/status$", self.path):
                spec = {"template": {"spec": {"containers": [{"name": "snakemake"}]}}}
                status = state.status(found[1])
                self.answer({"metadata": {"name": found[1]}, "spec": spec, "status": status})
            elif "/pods?" in self.path:
                self.answer({"items": []})
            else:
                self.answer({"message": f"not known: {self.path}"}, 404)

        def do_DELETE(self) -> None:
            if found := re.search(r"/secrets/([\w-]+)$", self.path):
                state.secrets.pop(found[1], None)
            self.answer({"status": "Success"})

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing on the terminal."""

    return Handler
