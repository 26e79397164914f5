"""The secrets part of Azure Key Vault, for tests: state and rules, no sockets.

Written from Microsoft's public REST reference, and tested with Microsoft's own client library (sdk_test.py). All state
is in memory, and vaults share nothing. `keyvault-up` serves it over TLS.

Strict in the points that clients get wrong:
- the firewall is checked before the role; both answer 403, with different codes;
- every data action has a right of its own (ROLES), so that an identity can write without reading;
- the name of a deleted secret cannot be reused until the secret is recovered; deletion and recovery take time, during
  which reads answer 404 and writes 409; a recovered secret can be read a while before it can be written;
- answers to deleting, listing and updating never contain a value;
- versions are listed in no useful order, and times have whole seconds;
- lists come in pages of at most 25.

Where the reference is silent, the stricter reading applies: showing one deleted secret needs the right to read it (the
reference requires `get`), unless the vault has `deletedNeedsGet: false`.
"""

import re
import secrets
import threading
import time

NAME = re.compile(r"^[0-9a-zA-Z-]{1,127}$")
PAGE = 25
VALUE_BYTES = 25 * 1024
TAGS = 15
TAG_LENGTH = 512
CONTENT_TYPE_LENGTH = 255
RETENTION_DAYS = 90

# Data actions of each role, below Microsoft.KeyVault/vaults/secrets/.
ROLES = {
    # Azure's built-in roles.
    "officer": {"readMetadata", "getSecret", "setSecret", "update", "delete", "recover", "purge"},
    "user": {"readMetadata", "getSecret"},
    "reader": {"readMetadata"},
    # weir's role: writes and disables secrets, never reads a value (docs/key-vault.md).
    "writer": {"readMetadata", "setSecret", "update", "delete", "recover"},
    "none": set(),
}


class Refusal(Exception):
    """An error answer."""

    def __init__(self, status, code, message, inner=None, headers=None):
        super().__init__(message)
        error = {"code": code, "message": message}
        if inner:
            error["innererror"] = {"code": inner}
        self.status, self.body, self.headers = status, {"error": error}, headers or {}


def conflict(message, inner):
    return Refusal(409, "Conflict", message, inner)


def bad(message):
    return Refusal(400, "BadParameter", message)


def missing(name):
    return Refusal(
        404,
        "SecretNotFound",
        f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may "
        "be able to recover it using the correct recovery command.",
    )


class Secret:
    """A secret: its versions, oldest first, and the state of its deletion or recovery."""

    def __init__(self, name):
        self.name, self.versions = name, []
        self.deleted = None  # time of the deletion
        self.gone_at = 0  # time at which the deletion is complete and visible
        self.readable_at = 0  # time at which a recovery becomes visible
        self.writable_at = 0  # time at which a recovery is complete

    def live(self):
        return self.deleted is None and time.time() >= self.readable_at


class Vault:
    """One vault. Callers hold `lock`."""

    def __init__(self, base):
        self.base, self.lock = base, threading.RLock()
        self.roles = {}  # client -> (data actions, time from which they count)
        self.faults = []
        self.reset()

    def reset(self):
        self.secrets, self.faults, self.set_times = {}, [], []
        self.settings = {
            "firewall": False,  # True to refuse the caller's address
            "deleteDelay": 0,  # seconds until a deletion is complete
            "recoverDelay": 0,  # seconds until a recovery is visible
            "recoverSettles": 0,  # further seconds until the secret can be written
            "deletedNeedsGet": True,
            "setsPer10s": 0,  # 0: no limit
        }

    # ---- rights

    def allow(self, client, default, action):
        if self.settings["firewall"]:
            raise Refusal(
                403,
                "Forbidden",
                "Client address is not authorized and caller is not a trusted service.\r\n"
                f"Client address: 127.0.0.1\r\nCaller: appid={client}\r\nVault: {self.base}",
                "ForbiddenByFirewall",
            )
        actions, since = self.roles.get(client, (default, 0))
        if time.time() < since or action not in actions:
            raise Refusal(
                403,
                "Forbidden",
                "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or "
                f"role definitions were changed recently, please observe propagation time.\r\nCaller: appid={client}"
                f"\r\nAction: 'Microsoft.KeyVault/vaults/secrets/{action}/action'\r\nVault: {self.base}",
                "ForbiddenByRbac",
            )

    # ---- bundles

    def bundle(self, secret, version, value=False, versioned=True):
        out = {
            "id": f"{self.base}/secrets/{secret.name}" + (f"/{version['version']}" if versioned else ""),
            "attributes": dict(version["attributes"]),
        }
        if value:
            out["value"] = version["value"]
        out.update({key: version[key] for key in ("contentType", "tags") if version.get(key) is not None})
        return out

    def deleted_bundle(self, secret, versioned=True):
        return {
            "recoveryId": f"{self.base}/deletedsecrets/{secret.name}",
            "deletedDate": int(secret.deleted),
            "scheduledPurgeDate": int(secret.deleted) + RETENTION_DAYS * 86400,
            **self.bundle(secret, secret.versions[-1], versioned=versioned),
        }

    def live(self, name):
        secret = self.secrets.get(name.lower())
        if not secret or not secret.live():
            raise missing(name)
        return secret

    def version(self, name, version):
        secret = self.live(name)
        for item in reversed(secret.versions):
            if version in (None, item["version"]):
                return secret, item
        raise missing(f"{name}/{version}")

    def deleted(self, name):
        secret = self.secrets.get(name.lower())
        if not secret or secret.deleted is None or time.time() < secret.gone_at:
            raise Refusal(404, "SecretNotFound", f"Deleted Secret not found: {name}")
        return secret

    # ---- calls

    def set(self, name, body):
        now = time.time()
        if not isinstance(body.get("value"), str):
            raise bad("The parameter is not valid: value.")
        self.check(body)
        if self.settings["setsPer10s"]:
            self.set_times = [at for at in self.set_times if now - at < 10]
            if len(self.set_times) >= self.settings["setsPer10s"]:
                wait = max(1, round(10 - (now - self.set_times[0])))
                raise Refusal(429, "Throttled", "Too many requests.", headers={"Retry-After": str(wait)})
            self.set_times.append(now)
        secret = self.secrets.get(name.lower())
        if secret and secret.deleted is not None:
            if now < secret.gone_at:
                raise conflict(f"Secret {name} is currently being deleted.", "ObjectIsBeingDeleted")
            raise conflict(
                f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this "
                "state, the secret can only be recovered or purged.",
                "ObjectIsDeletedButRecoverable",
            )
        if secret and now < secret.writable_at:
            raise conflict(
                f"Secret {name} is currently being recovered and cannot be re-created; retry later.",
                "ObjectIsBeingRecovered",
            )
        secret = self.secrets.setdefault(name.lower(), Secret(name))
        version = {
            "version": secrets.token_hex(16),
            "value": body["value"],
            "attributes": {
                "enabled": True,
                "created": int(now),
                "updated": int(now),
                "recoveryLevel": "Recoverable+Purgeable",
                "recoverableDays": RETENTION_DAYS,
            },
        }
        change(version, body)
        secret.versions.append(version)
        return self.bundle(secret, version, value=True)

    def check(self, body):
        if len(body.get("value", "").encode()) > VALUE_BYTES:
            raise bad(f"The secret value's length exceeds the maximum of {VALUE_BYTES}.")
        if len(body.get("contentType") or "") > CONTENT_TYPE_LENGTH:
            raise bad("The content type is too long.")
        tags = body.get("tags") or {}
        if len(tags) > TAGS:
            raise bad(f"The number of tags exceeds the maximum of {TAGS}.")
        if any(len(text) > TAG_LENGTH for tag in tags.items() for text in tag):
            raise bad(f"A tag is longer than {TAG_LENGTH} characters.")

    def get(self, name, version):
        secret, item = self.version(name, version)
        if not item["attributes"]["enabled"]:
            raise Refusal(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
        return self.bundle(secret, item, value=True)

    def update(self, name, version, body):
        secret, item = self.version(name, version)
        self.check(body)
        change(item, body)
        item["attributes"]["updated"] = int(time.time())
        return self.bundle(secret, item)

    def delete(self, name):
        secret, now = self.live(name), time.time()
        secret.deleted, secret.gone_at = now, now + self.settings["deleteDelay"]
        return self.deleted_bundle(secret)

    def recover(self, name):
        secret, now = self.deleted(name), time.time()
        secret.deleted = None
        secret.readable_at = now + self.settings["recoverDelay"]
        secret.writable_at = secret.readable_at + self.settings["recoverSettles"]
        return self.bundle(secret, secret.versions[-1])

    def purge(self, name):
        del self.secrets[self.deleted(name).name.lower()]

    # ---- lists

    def page(self, path, query, items):
        try:
            size, start = int(query.get("maxresults", PAGE)), int(query.get("$skiptoken", 0))
        except ValueError:
            raise bad("maxresults is not a number.") from None
        if not 1 <= size <= PAGE:
            raise bad(f"maxresults must be between 1 and {PAGE}.")
        link = None
        if start + size < len(items):
            link = f"{self.base}{path}?api-version={query['api-version']}&$skiptoken={start + size}&maxresults={size}"
        return {"value": items[start : start + size], "nextLink": link}

    def list(self, query):
        live = [secret for _, secret in sorted(self.secrets.items()) if secret.live()]
        return self.page("/secrets", query, [self.bundle(s, s.versions[-1], versioned=False) for s in live])

    def list_versions(self, name, query):
        secret = self.secrets.get(name.lower())
        versions = secret.versions if secret and secret.live() else []
        versions = sorted(versions, key=lambda item: item["version"])
        return self.page(f"/secrets/{name}/versions", query, [self.bundle(secret, item) for item in versions])

    def list_deleted(self, query):
        now = time.time()
        gone = [s for _, s in sorted(self.secrets.items()) if s.deleted is not None and now >= s.gone_at]
        return self.page("/deletedsecrets", query, [self.deleted_bundle(s, versioned=False) for s in gone])

    # ---- routing

    def call(self, allow, method, parts, query, body):
        """Answers a call with `(status, body)`. `allow(action)` raises a Refusal if the caller lacks the right."""
        kind, name, rest = (parts + ["", ""])[0], (parts + ["", ""])[1], parts[2:]
        if name and not NAME.match(name):
            raise bad(f"The request URI contains an invalid name: {name}")
        match method, kind, bool(name), rest:
            case "GET", "secrets", False, []:
                allow("readMetadata")
                return 200, self.list(query)
            case "GET", "secrets", True, ["versions"]:
                allow("readMetadata")
                return 200, self.list_versions(name, query)
            case "GET", "secrets", True, ([] | [_]):
                allow("getSecret")
                return 200, self.get(name, rest[0] if rest else None)
            case "PUT", "secrets", True, []:
                allow("setSecret")
                return 200, self.set(name, body)
            case "PATCH", "secrets", True, ([] | [_]):
                allow("update")
                return 200, self.update(name, rest[0] if rest else None, body)
            case "DELETE", "secrets", True, []:
                allow("delete")
                return 200, self.delete(name)
            case "GET", "deletedsecrets", False, []:
                allow("readMetadata")
                return 200, self.list_deleted(query)
            case "GET", "deletedsecrets", True, []:
                allow("getSecret" if self.settings["deletedNeedsGet"] else "readMetadata")
                return 200, self.deleted_bundle(self.deleted(name))
            case "DELETE", "deletedsecrets", True, []:
                allow("purge")
                self.purge(name)
                return 204, None
            case "POST", "deletedsecrets", True, ["recover"]:
                allow("recover")
                return 200, self.recover(name)
        raise Refusal(404, "NotFound", f"{method} /{'/'.join(parts)} is not served here.")


def change(version, body):
    """Sets the fields that the body names and keeps the others."""
    attributes = body.get("attributes") or {}
    given = {key: value for key, value in attributes.items() if key in ("enabled", "nbf", "exp") and value is not None}
    version["attributes"].update(given)
    version.update({key: body[key] for key in ("contentType", "tags") if body.get(key) is not None})
