"""llama.cpp's server for each model in a folder, all at one address.

    python integration/llamacpp_models.py FOLDER PORT

Runs in the environment ``llamacpp``, of which it needs only xllamacpp: that wheel has llama.cpp's
own HTTP server, but without its router mode. So each model has its own server, and the router here
forwards requests by the model they name. A model whose file was deleted is refused with the error
of llama.cpp's router.
"""

import http.client
import importlib
import json
import shutil
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HOST = "127.0.0.1"
CONTEXT_TOKENS = 512
ANSWER_SECONDS = 30.0


class Router(ThreadingHTTPServer):
    """Forwards requests. ``servers``: one for each model present at the start."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.servers = {file.stem: serve_model(file) for file in sorted(folder.glob("*.gguf"))}
        super().__init__((HOST, port), Requests)

    @property
    def models(self) -> list[str]:
        """Return the models whose file still exists."""
        return [model for model in self.servers if (self.folder / f"{model}.gguf").is_file()]


class Requests(BaseHTTPRequestHandler):
    server: Router

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/health":
            self._answer(200, {"status": "ok"})
            return
        entries = [{"id": model, "object": "model"} for model in self.server.models]
        self._answer(200, {"object": "list", "data": entries})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        model = json.loads(body).get("model")
        if not self.path.endswith("/chat/completions"):
            self._answer(200, {"success": True})  # /models/unload
        elif model in self.server.models:
            self._pass_on(self.server.servers[model].listening_address, body)
        else:
            error = {"code": 400, "message": f"model '{model}' not found"}
            self._answer(400, {"error": {**error, "type": "invalid_request_error"}})

    def _pass_on(self, address: str, body: bytes) -> None:
        """Pass llama.cpp's answer on as it arrives."""
        target = urlsplit(address).netloc
        connection = http.client.HTTPConnection(target, timeout=ANSWER_SECONDS)
        try:
            connection.request("POST", self.path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.getheader("Content-Type", ""))
            self.end_headers()
            shutil.copyfileobj(answer, self.wfile, 1)
        finally:
            connection.close()

    def _answer(self, status: int, value: Any) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())


def serve_model(file: Path) -> Any:
    """Start llama.cpp's server for one file, on a port of its own."""
    xllamacpp: Any = importlib.import_module("xllamacpp")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(file)
    parameters.model_alias = {file.stem}
    parameters.hostnames, parameters.port = [HOST], 0
    parameters.n_parallel, parameters.n_ctx = 1, CONTEXT_TOKENS
    parameters.ui = False
    return xllamacpp.Server(parameters)


if __name__ == "__main__":
    Router(Path(sys.argv[1]), int(sys.argv[2])).serve_forever()
