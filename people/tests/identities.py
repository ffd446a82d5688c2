"""A provider of identities on this machine: OpenID Connect as it is, with real signatures."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, SECRET = "trackingsite", "s3cret-of-the-client"


class Provider:
    """Says who somebody is. What tests change of it is what a provider may do wrong."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.signs_with: Any = self.key
        self.claims: dict[str, Any] = {
            "sub": "4711",
            "email": "ada@example.com",
            "email_verified": True,
        }
        self.token: dict[str, Any] = {"aud": CLIENT_ID, "sub": "4711"}
        self.is_away = False
        self._asked: dict[str, dict[str, str]] = {}

    def settings(self) -> dict[str, Any]:
        """Return what a server is told of it."""
        return {
            "OIDC_RP_CLIENT_ID": CLIENT_ID,
            "OIDC_RP_CLIENT_SECRET": SECRET,
            "OIDC_OP_AUTHORIZATION_ENDPOINT": f"{self.address}/authorize",
            "OIDC_OP_TOKEN_ENDPOINT": f"{self.address}/token",
            "OIDC_OP_USER_ENDPOINT": f"{self.address}/userinfo",
            "OIDC_OP_JWKS_ENDPOINT": f"{self.address}/keys",
        }

    def sign_in(self, address: str) -> str:
        """Return where a browser that was led to `address` is sent back to, signed in there."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{len(self._asked)}"
        self._asked[code] = asked
        back = urlsplit(asked["redirect_uri"])
        return f"{back.path}?code={code}&state={asked['state']}"

    def answer_token(self, fields: dict[str, str]) -> dict[str, Any] | None:
        """Return the tokens for a code, once; None for a wrong one, secret or verifier."""
        asked = self._asked.pop(fields.get("code", ""), None)
        if asked is None or fields.get("client_secret") != SECRET:
            return None
        digest = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return None
        token = {"iss": self.address, "nonce": asked["nonce"], **self.token}
        signed = jwt.encode(token, self.signs_with, algorithm="RS256", headers={"kid": "one"})
        return {"access_token": "access", "token_type": "Bearer", "id_token": signed}

    def keys(self) -> dict[str, Any]:
        """Return its public keys."""
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**public, "kid": "one", "alg": "RS256", "use": "sig"}]}


@contextmanager
def running_provider() -> Iterator[Provider]:
    """Run a provider on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = {"/keys": provider.keys(), "/userinfo": provider.claims}
            self._answer(found.get(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            fields = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(provider.answer_token(fields))

        def _answer(self, found: Any) -> None:
            is_good = found is not None and not provider.is_away
            body = json.dumps(found if is_good else {"error": "no"}).encode()
            self.send_response(200 if is_good else 503 if provider.is_away else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Provider(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
