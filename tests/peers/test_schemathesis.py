"""schemathesis, which knows of us what our document says: no 5xx, no answer that is not documented."""

import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

from .server import PATIENCE, Server

# Requests made up for each operation on top of those that cover its schema; fixed, so that runs are alike.
EXAMPLES = 15
SETTINGS = """
# A cursor is what a page said as next; any other is refused.
[parameters]
"query.after" = ""

# What is there to be asked for, and what may be deleted, which then is there no more.
[[operations]]
include-path-regex = "/(assets|watch)/"
exclude-method = "DELETE"
parameters = {{ "path.id" = "{film}" }}
max-stream-events = 1

[[operations]]
include-name = "DELETE /api/v1/assets/{{id}}"
parameters = {{ "path.id" = "{spare}" }}

[dictionaries.films]
values = ["{film}"]

[[operations]]
include-name = "POST /api/v1/plays"
parameters = {{ "body.asset" = {{ dictionary = "films", probability = 0.7 }} }}

[[operations]]
include-name = "POST /api/v1/plays/{{id}}/heartbeat"
parameters = {{ "path.id" = "{play}" }}

[[operations]]
include-name = "DELETE /api/v1/plays/{{id}}"
parameters = {{ "path.id" = "{ended}" }}

# A set-up link that is used up is gone, whatever comes with it; an asset's made-up ETag is not the asset's.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "410", "412", "429", "5xx"]
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "410", "415", "422", "428", "429"]
"""
# A stream that says nothing until something happens.
SILENT = "v1/events$"


def document(server):
    """The API's document without Idempotency-Key: made-up requests repeat the few short keys there are, and a key that
    comes with another request is refused, as it should be. And without the end of keys, or the run would find its own
    in the list and revoke it."""
    described = json.loads(server.get("/api/v1/openapi.json"))
    del described["paths"]["/api/v1/keys/{id}"]
    for operations in described["paths"].values():
        for operation in operations.values():
            named = operation.get("parameters", [])
            operation["parameters"] = [one for one in named if not one.get("$ref", "").endswith("/IdempotencyKey")]
    return described


def tested(described):
    """How many operations are to be tested."""
    paths = described["paths"].items()
    return sum(len(operations) for path, operations in paths if not re.search(SILENT, path))


class Schemathesis(unittest.TestCase):
    """All checks in all phases, bounded in requests."""

    def test_every_answer_is_one_that_is_documented(self):
        with Server() as server:
            source = server.film("film.mp4", 2, "--size", "320x180", "--silent")
            film, spare = (server.upload(source, "--wait", "--visibility", "public")["asset"] for _ in range(2))
            play, ended = (server.json("/api/v1/plays", "POST", {"asset": film})["play"] for _ in range(2))
            settings = SETTINGS.format(film=film, spare=spare, play=play, ended=ended)
            described = document(server)
            folder = Path(server.data)
            (folder / "schemathesis.toml").write_text(settings)
            (folder / "openapi.json").write_text(json.dumps(described))
            command = [
                Path(sys.executable).with_name("schemathesis"),
                *("run", "openapi.json", "--url", server.url, "--checks", "all", "--no-color"),
                *("--header", f"Authorization: Bearer {server.key}"),
                *("--exclude-path-regex", SILENT, "--suppress-health-check", "all"),
                *("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", str(EXAMPLES)),
                *("--generation-deterministic", "--request-timeout", "30"),
            ]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}\n{server.log()}")
            self.assertRegex(done.stdout, rf"Tested: +{tested(described)}\n")


if __name__ == "__main__":
    unittest.main()
