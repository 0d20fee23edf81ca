"""Alerts and the dashboard name metrics that a running server has, and every alert has a runbook."""

import json
import re
import time
import unittest

import promql_parser
import yaml

from .fixture import film, server
from .server import PATIENCE, POLL, ROOT, Server

# Prometheus' own.
NOT_OURS = {"up"}
SUFFIXES = ("_bucket", "_sum", "_count")


def selectors(expression):
    """Names of the metrics of an expression, with the labels it asks for."""
    found = {}

    def walk(node):
        if isinstance(node, promql_parser.VectorSelector):
            labels = {matcher.name for matcher in node.matchers.matchers}
            found.setdefault(node.name, set()).update(labels)
        for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
            inner = getattr(node, name, None)
            if inner is not None:
                walk(inner)
        for inner in getattr(node, "args", None) or []:
            walk(inner)

    walk(promql_parser.parse(expression))
    return found


def labelled(expression):
    """Labels that an expression groups by."""
    return {name for group in re.findall(r"by \(([^)]*)\)", expression) for name in re.split(r",\s*", group)}


class Monitoring(unittest.TestCase):
    """Against a server that has made a film, and one that speaks TLS and leaves its work undone."""

    @classmethod
    def setUpClass(cls):
        film("silent")
        text = server().get("/metrics", server().owner).decode()
        with Server("tls.self_signed=true", "transcode.workers=0") as secure:
            secure.upload(film("silent").path)
            # A job that nobody does; the queue is measured every ten seconds.
            deadline = time.monotonic() + PATIENCE
            while "nexus_jobs{" not in (more := secure.get("/metrics", secure.owner).decode()):
                if time.monotonic() > deadline:
                    raise RuntimeError(more)
                time.sleep(POLL)
            text += more
        cls.labels = {}
        for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? ", text, re.MULTILINE):
            cls.labels.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))

    def known(self, expression):
        used = selectors(expression)
        self.assertTrue(used, expression)
        for name, labels in used.items():
            if name in NOT_OURS:
                continue
            self.assertIn(name, self.labels, expression)
            self.assertLessEqual(labels - {"job", "instance"}, self.labels[name], expression)
        everything = set().union(*(self.labels.get(name, set()) for name in used)) | {"instance", "le"}
        self.assertLessEqual(labelled(expression), everything, expression)

    def alerts(self):
        groups = yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text())["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def test_alerts(self):
        for rule in self.alerts():
            with self.subTest(rule["alert"]):
                self.known(rule["expr"])
                self.assertIn(rule["labels"]["severity"], ("page", "ticket"))

    def test_every_alert_has_a_runbook_and_every_runbook_an_alert(self):
        document = (ROOT / "docs/runbooks.md").read_text()
        headings = re.findall(r"^## (\w+)$", document, re.MULTILINE)
        self.assertEqual(sorted(headings), sorted(rule["alert"] for rule in self.alerts()))
        anchors = {heading.lower() for heading in headings}
        for rule in self.alerts():
            self.assertEqual(rule["annotations"]["runbook"], f"docs/runbooks.md#{rule['alert'].lower()}")
        for anchor in re.findall(r"\(#(\w+)\)", document):
            self.assertIn(anchor, anchors)

    def test_dashboard(self):
        dashboard = json.loads((ROOT / "deploy/grafana/nexus.json").read_text())
        ids = [panel["id"] for panel in dashboard["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                with self.subTest(panel["title"]):
                    self.known(target["expr"].replace("$instance", ".*"))

    def test_scaling_asks_for_a_metric_that_is_there(self):
        scale = yaml.safe_load((ROOT / "deploy/kubernetes/keda/scale.yaml").read_text())
        for trigger in scale["spec"]["triggers"]:
            self.known(trigger["metadata"]["query"])
