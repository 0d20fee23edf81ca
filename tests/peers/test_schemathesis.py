"""schemathesis, which knows of us what our document says: no 5xx, no answer that is not documented."""

import json
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

# A set-up link that is used up is gone, whatever comes with it.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "410", "429", "5xx"]
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "410", "415", "422", "428", "429"]
"""


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


class Schemathesis(unittest.TestCase):
    """All checks, bounded in requests; streams of events, which do not end, are left out."""

    def test_every_answer_is_one_that_is_documented(self):
        with Server("transcode.workers=0") as server:
            folder = Path(server.data)
            (folder / "schemathesis.toml").write_text(SETTINGS)
            (folder / "openapi.json").write_text(json.dumps(document(server)))
            command = [
                Path(sys.executable).with_name("schemathesis"),
                *("run", "openapi.json", "--url", server.url, "--checks", "all", "--no-color"),
                *("--header", f"Authorization: Bearer {server.key}"),
                *("--exclude-path-regex", "events$", "--suppress-health-check", "all"),
                *("--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES)),
                *("--generation-deterministic", "--request-timeout", "30"),
            ]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}\n{server.log()}")
            self.assertRegex(done.stdout, r"Tested: +3\d")


if __name__ == "__main__":
    unittest.main()
