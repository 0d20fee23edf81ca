"""What stands under deploy/ is held against the checkers of the programs it is for."""

import re
import sys
import unittest
from pathlib import Path

import yaml

from .fixture import folder
from .programs import run
from .server import ENVIRONMENT, NEXUS, ROOT

DEPLOY = ROOT / "deploy"
TOOLS = Path(sys.executable).parent
# systemd's own measure of how far a unit is shut off, 0 to 10 in tenths; below 3.0 is what it calls OK.
EXPOSURE_MAX = 29


class Systemd(unittest.TestCase):
    """Units start what they name, as systemd reads them, and are shut off from the rest of the machine."""

    def test_units(self):
        place = folder(self)
        units = sorted((DEPLOY / "systemd").glob("*.service"))
        self.assertEqual(len(units), 4)
        for unit in units:
            with self.subTest(unit.name):
                # The programs are not installed here.
                text = re.sub(r"/usr/bin/nexus(-edge)?\b", "/bin/true", unit.read_text())
                copy = place / unit.name
                copy.write_text(text)
                checked = run("systemd-analyze", "verify", copy)
                self.assertEqual((checked.code, checked.complaints), (0, ""))
                measured = run("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE_MAX}", copy)
                self.assertEqual(measured.code, 0, measured.out)

    def test_the_grace_fits_into_the_time_systemd_gives(self):
        settings = (DEPLOY / "nexus.toml").read_text()
        grace = sum(int(seconds) for seconds in re.findall(r"^shutdown_\w+_seconds = (\d+)", settings, re.MULTILINE))
        for unit in (DEPLOY / "systemd").glob("*.service"):
            given = int(re.search(r"TimeoutStopSec=(\d+)", unit.read_text())[1])
            self.assertGreater(given, grace + 2, unit.name)


class Containers(unittest.TestCase):
    """The Dockerfile and the compose files."""

    def test_dockerfile(self):
        checked = run(TOOLS / "hadolint", DEPLOY / "Dockerfile")
        self.assertEqual((checked.code, checked.out), (0, ""))

    def test_compose(self):
        files = sorted(DEPLOY.glob("compose*.yaml"))
        self.assertEqual(len(files), 2)
        checked = run(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", *files)
        self.assertEqual(checked.code, 0, checked.out)

    def test_every_variable_of_compose_has_an_example(self):
        example = (DEPLOY / "compose.env.example").read_text()
        for name in re.findall(r"\$\{(\w+)", (DEPLOY / "compose.apart.yaml").read_text()):
            self.assertIn(f"{name}=", example)

    def test_the_packages_of_the_image_are_those_that_are_installed_and_described(self):
        dockerfile = (DEPLOY / "Dockerfile").read_text()
        installed = (ROOT / "scripts" / "install.sh").read_text()
        described = (ROOT / "docs" / "deploy.md").read_text()
        for package in set(re.findall(r"(?<!lib)gstreamer1\.0-[\w-]+", dockerfile)):
            self.assertIn(package, installed)
            self.assertIn(package, described)
        self.assertEqual(set(re.findall(r"(?<!lib)gstreamer1\.0-[\w-]+", installed)), set(re.findall(r"(?<!lib)gstreamer1\.0-[\w-]+", dockerfile)))

    def test_every_room_is_copied_into_the_image(self):
        members = re.search(r"members = \[(.*?)\]", (ROOT / "Cargo.toml").read_text(), re.DOTALL)[1]
        dockerfile = (DEPLOY / "Dockerfile").read_text()
        for member in re.findall(r'"([^"]+)"', members):
            self.assertIn(f"COPY {member.split('/')[0]}/", dockerfile)


class Kubernetes(unittest.TestCase):
    """Every overlay builds, and every object in it is what Kubernetes knows."""

    def built(self, overlay):
        made = run(TOOLS / "kubectl", "kustomize", DEPLOY / "kubernetes" / overlay)
        self.assertEqual((made.code, made.complaints), (0, ""))
        return made.out

    def objects(self, overlay):
        return [thing for thing in yaml.safe_load_all(self.built(overlay)) if thing]

    def test_schemas(self):
        place = folder(self)
        for overlay in ("outside", "bundled", "keda"):
            with self.subTest(overlay):
                built = place / f"{overlay}.yaml"
                built.write_text(self.built(overlay))
                checked = run(TOOLS / "kubernetes-validate", "--strict", built)
                self.assertEqual(checked.code, 0, checked.complaints)
                unknown = [line for line in (checked.complaints + checked.out).splitlines() if "find schema" in line]
                # KEDA's own kind is not Kubernetes'.
                self.assertEqual(len(unknown), 1 if overlay == "keda" else 0, unknown)

    def test_secrets_volumes_and_services_are_there(self):
        for overlay in ("outside", "bundled", "keda"):
            things = self.objects(overlay)
            named = {(thing["kind"], thing["metadata"]["name"]) for thing in things}
            for thing in things:
                spec = thing.get("spec", {}).get("template", {}).get("spec")
                if not spec:
                    continue
                with self.subTest(overlay=overlay, thing=thing["metadata"]["name"]):
                    self.assertTrue(spec["securityContext"]["runAsNonRoot"])
                    self.assertFalse(spec["enableServiceLinks"])
                    for volume in spec.get("volumes", []):
                        if "configMap" in volume:
                            self.assertIn(("ConfigMap", volume["configMap"]["name"]), named)
                        if "secret" in volume:
                            self.assertIn(("Secret", volume["secret"]["secretName"]), named)
                    for container in spec["containers"]:
                        for source in container.get("envFrom", []):
                            self.assertIn(("Secret", source["secretRef"]["name"]), named)
                        self.assertIn("memory", container["resources"]["limits"])
                        self.assertFalse(container["securityContext"]["allowPrivilegeEscalation"])

    def test_the_settings_are_settings_and_the_grace_fits(self):
        things = self.objects("outside")
        settings = next(thing["data"] for thing in things if thing["kind"] == "ConfigMap")
        place = folder(self)
        for name, text in settings.items():
            (place / name).write_text(text)
            shown = run(NEXUS, "config", "--config", place / name, env=ENVIRONMENT)
            self.assertEqual(shown.code, 0, shown.complaints)
            times = re.findall(r"^shutdown_\w+_seconds = (\d+)", text, re.MULTILINE)
            for thing in things:
                if thing["kind"] in ("Deployment", "StatefulSet"):
                    given = thing["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
                    self.assertGreater(given, sum(map(int, times)) + 2)

    def test_every_secret_variable_names_a_setting(self):
        for overlay in ("outside", "bundled"):
            for name in ("nexus.env", "edge.env"):
                lines = (DEPLOY / "kubernetes" / overlay / name).read_text().split()
                variables = dict(line.split("=", 1) for line in lines)
                shown = run(NEXUS, "config", env={**ENVIRONMENT, **variables})
                self.assertEqual(shown.code, 0, shown.complaints)


class Proxies(unittest.TestCase):
    """nginx has a test of its own, with a film."""

    def test_caddy_reads_its_file(self):
        home = folder(self)
        options = {"env": {"HOME": str(home), "PATH": "/usr/bin:/bin"}}
        checked = run("caddy", "validate", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile", **options)
        self.assertEqual(checked.code, 0, checked.complaints)
        self.assertIn("Valid configuration", checked.out + checked.complaints)


class Settings(unittest.TestCase):
    """The examples are settings."""

    def test_examples(self):
        for name in ("nexus.toml", "systemd/edge.toml"):
            shown = run(NEXUS, "config", "--config", DEPLOY / name, env=ENVIRONMENT)
            self.assertEqual(shown.code, 0, shown.complaints)
            self.assertIn("https://", shown.out)
