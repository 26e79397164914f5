"""Tests the vaults of keyvault-up with Microsoft's own client library.

Run by `judge`, which installs the library.
"""

import json
import os
import socket
import subprocess
import sys
import time
import unittest
import urllib.request
from datetime import datetime, timedelta, timezone

from azure.core.credentials import AccessToken
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.keyvault.secrets import SecretClient

HERE = os.path.dirname(os.path.abspath(__file__))
resolve = socket.getaddrinfo
# RFC 6761 resolves `.localhost` to the loopback address, but some resolvers do not.
socket.getaddrinfo = lambda host, *rest, **more: resolve(
    "127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **more
)
os.environ["NO_PROXY"] = ".localhost,127.0.0.1"


def control(path, **body):
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(urllib.request.Request(FACTS["KEYVAULT_CONTROL"] + path, data), timeout=10) as answer:
        return json.load(answer)


class Credential:
    """A client's tokens; records the requested scopes."""

    def __init__(self, client):
        self.client, self.scopes = client, set()

    def get_token(self, *scopes, **_):
        self.scopes.update(scopes)
        return AccessToken(control("/token", client=self.client)["access_token"], int(time.time()) + 3600)


class Judgement(unittest.TestCase):
    def setUp(self):
        self.vault = self.id().rsplit(".", 1)[1].replace("_", "-")
        self.client = self.login("officer")

    def login(self, client, **options):
        self.credential = Credential(client)
        return SecretClient(
            f"https://{self.vault}.localhost:{FACTS['KEYVAULT_PORT']}",
            self.credential,
            verify_challenge_resource=False,
            connection_verify=FACTS["KEYVAULT_CA"],
            **options,
        )

    def fault(self, **fault):
        control("/fault", vault=self.vault, **fault)


    def refused(self, call, status, code):
        with self.assertRaises(HttpResponseError) as error:
            call()
        self.assertEqual(error.exception.status_code, status)
        self.assertIn(code, error.exception.response.text())
        return error.exception

    def test_set_and_get(self):
        expires = datetime(2031, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
        stored = self.client.set_secret(
            "Kafka-1", "one\n\"ü\"", tags={"a": "b"}, content_type="application/json", expires_on=expires
        )
        self.assertEqual(self.credential.scopes, {"https://vault.azure.net/.default"})
        for got in (self.client.get_secret("kafka-1"), self.client.get_secret("Kafka-1", stored.properties.version)):
            self.assertEqual(got.value, "one\n\"ü\"")
            self.assertEqual(got.properties.tags, {"a": "b"})
            self.assertEqual(got.properties.content_type, "application/json")
            self.assertEqual(got.properties.expires_on, expires)
            self.assertEqual(got.properties.version, stored.properties.version)
            self.assertTrue(got.properties.enabled)
            self.assertLess(abs(got.properties.created_on - datetime.now(timezone.utc)), timedelta(minutes=1))
            self.assertEqual(got.properties.recoverable_days, 90)
        with self.assertRaises(ResourceNotFoundError):
            self.client.get_secret("absent")
        with self.assertRaises(ResourceNotFoundError):
            self.client.get_secret("kafka-1", "0" * 32)

    def test_versions(self):
        versions = {self.client.set_secret("a", f"value {n}").properties.version: n for n in range(30)}
        listed = list(self.client.list_properties_of_secret_versions("a"))
        self.assertEqual({item.version for item in listed}, set(versions))
        self.assertEqual(self.client.get_secret("a").value, "value 29")
        pages = list(self.client.list_properties_of_secret_versions("a").by_page())
        self.assertEqual(len(pages), 2)
        self.assertEqual(list(self.client.list_properties_of_secret_versions("absent")), [])

    def test_lists_come_in_pages(self):
        for number in range(60):
            self.client.set_secret(f"s{number}", "value", tags={"n": str(number)})
        self.client.set_secret("s7", "newer", tags={"n": "newer"})
        listed = {item.name: item for item in self.client.list_properties_of_secrets()}
        self.assertEqual(set(listed), {f"s{number}" for number in range(60)})
        self.assertEqual(listed["s7"].tags, {"n": "newer"})
        self.assertIsNone(listed["s7"].version)
        sizes = [len(list(page)) for page in self.client.list_properties_of_secrets().by_page()]
        self.assertEqual(sizes, [25, 25, 10])
        sizes = [len(list(page)) for page in self.client.list_properties_of_secrets(max_page_size=7).by_page()]
        self.assertEqual(sizes, [7] * 8 + [4])

    def test_update(self):
        first = self.client.set_secret("a", "one", tags={"k": "1"}, content_type="text/plain").properties.version
        self.client.set_secret("a", "two")
        updated = self.client.update_secret_properties("a", first, enabled=False)
        self.assertFalse(updated.enabled)
        self.assertEqual((updated.tags, updated.content_type), ({"k": "1"}, "text/plain"))
        self.refused(lambda: self.client.get_secret("a", first), 403, "SecretDisabled")
        self.assertEqual(self.client.get_secret("a").value, "two")
        self.client.update_secret_properties("a", enabled=False)
        self.refused(lambda: self.client.get_secret("a"), 403, "SecretDisabled")

    def test_delete_and_recover(self):
        control("/vault", vault=self.vault, deleteDelay=0.5, recoverDelay=0.5, recoverSettles=2.5)
        self.client.set_secret("a", "one", tags={"k": "1"})
        poller = self.client.begin_delete_secret("a")
        self.refused(lambda: self.client.set_secret("a", "two"), 409, "ObjectIsBeingDeleted")
        poller.wait()
        deleted = self.client.get_deleted_secret("a")
        self.assertEqual(deleted.properties.tags, {"k": "1"})
        self.assertAlmostEqual((deleted.scheduled_purge_date - deleted.deleted_date).days, 90)
        self.assertEqual([item.name for item in self.client.list_deleted_secrets()], ["a"])
        self.assertEqual(list(self.client.list_properties_of_secrets()), [])
        with self.assertRaises(ResourceNotFoundError):
            self.client.get_secret("a")
        with self.assertRaises(ResourceExistsError) as error:
            self.client.set_secret("a", "two")
        self.assertIn("ObjectIsDeletedButRecoverable", error.exception.response.text())
        self.client.begin_recover_deleted_secret("a").wait()
        self.assertEqual(self.client.get_secret("a").value, "one")
        # As on Azure, the secret is readable before it is writable.
        self.refused(lambda: self.client.set_secret("a", "two"), 409, "ObjectIsBeingRecovered")
        time.sleep(2.5)
        self.client.set_secret("a", "two")
        self.assertEqual(len(list(self.client.list_properties_of_secret_versions("a"))), 2)

    def test_purge(self):
        self.client.set_secret("a", "one")
        self.client.begin_delete_secret("a").wait()
        self.client.purge_deleted_secret("a")
        self.assertEqual(list(self.client.list_deleted_secrets()), [])
        self.client.set_secret("a", "two")

    def test_bad_values(self):
        for call in (
            lambda: self.client.set_secret("a_b", "value"),
            lambda: self.client.set_secret("a", "x" * (25 * 1024 + 1)),
            lambda: self.client.set_secret("a", None),
            lambda: self.client.set_secret("a", "value", tags={str(n): "" for n in range(16)}),
            lambda: self.client.set_secret("a", "value", content_type="x" * 256),
        ):
            self.refused(call, 400, "BadParameter")
        self.assertEqual(list(self.client.list_properties_of_secrets()), [])

    def test_roles(self):
        self.client.set_secret("a", "one")
        version = self.client.get_secret("a").properties.version
        calls = {
            "getSecret": lambda client: client.get_secret("a"),
            "readMetadata": lambda client: list(client.list_properties_of_secrets()),
            "setSecret": lambda client: client.set_secret(f"of-{role}", "two"),
            "update": lambda client: client.update_secret_properties("a", version, enabled=True),
            "delete": lambda client: client.begin_delete_secret(f"of-{role}"),
        }
        allowed = {
            "officer": set(calls),
            "user": {"getSecret", "readMetadata"},
            "reader": {"readMetadata"},
            "writer": {"readMetadata", "setSecret", "update", "delete"},
            "none": set(),
        }
        for role, actions in allowed.items():
            control("/grant", vault=self.vault, client="stranger", role=role)
            client = self.login("stranger")
            for action, call in calls.items():
                if action in actions:
                    call(client)
                else:
                    error = self.refused(lambda call=call, client=client: call(client), 403, "ForbiddenByRbac")
                    self.assertIn(action, error.message)

    def test_a_role_takes_time_to_count(self):
        control("/grant", vault=self.vault, client="stranger", role="officer", after=1)
        client = self.login("stranger")
        self.refused(lambda: client.set_secret("a", "one"), 403, "ForbiddenByRbac")
        time.sleep(1)
        client.set_secret("a", "one")

    def test_firewall(self):
        control("/vault", vault=self.vault, firewall=True)
        self.refused(lambda: self.client.set_secret("a", "one"), 403, "ForbiddenByFirewall")

    def test_throttling_is_retried(self):
        self.fault(method="PUT", status=429, retryAfter=1, times=2)
        began = time.monotonic()
        self.client.set_secret("a", "one")
        self.assertGreaterEqual(time.monotonic() - began, 2)
        statuses = [call["status"] for call in control(f"/calls?vault={self.vault}")["calls"] if call["method"] == "PUT"]
        self.assertEqual(statuses, [429, 429, 200])

    def test_limit_of_sets(self):
        control("/vault", vault=self.vault, setsPer10s=3)
        client = self.login("officer", retry_total=0)
        for number in range(3):
            client.set_secret("a", str(number))
        error = self.refused(lambda: client.set_secret("a", "3"), 429, "Throttled")
        self.assertGreater(int(error.response.headers["Retry-After"]), 0)

    def test_cut_connections(self):
        client = self.login("officer", retry_total=0)
        client.set_secret("a", "zero")
        for applied, values in ((False, 1), (True, 2)):
            self.fault(method="PUT", cut=True, applied=applied)
            with self.assertRaises((ServiceRequestError, ServiceResponseError)):
                client.set_secret("a", "one")
            self.assertEqual(len(list(client.list_properties_of_secret_versions("a"))), values)

    def test_tokens(self):
        class Bad(Credential):
            def get_token(self, *scopes, **more):
                return AccessToken("a.b.c", int(time.time()) + 3600)

        client = self.login("officer")
        client_of_bad = SecretClient(
            client.vault_url, Bad("officer"), verify_challenge_resource=False, connection_verify=FACTS["KEYVAULT_CA"]
        )
        with self.assertRaises(ClientAuthenticationError):
            client_of_bad.get_secret("a")
        # By default the library refuses a vault whose domain differs from that of the token's resource.
        strict = SecretClient(client.vault_url, self.credential, connection_verify=FACTS["KEYVAULT_CA"])
        with self.assertRaises(ValueError):
            strict.get_secret("a")


if __name__ == "__main__":
    server = subprocess.Popen(
        [sys.executable, os.path.join(HERE, "keyvault-up"), "--tied"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    FACTS = {}
    while "KEYVAULT_CONTROL" not in FACTS:
        name, _, value = server.stdout.readline().decode().strip().partition("=")
        FACTS[name] = value
    try:
        unittest.main(verbosity=2)
    finally:
        server.stdin.close()
        server.wait()
