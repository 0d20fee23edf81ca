"""tuspy, which knows nothing of us, brings a film in; it arrives byte for byte and becomes ready."""

import hashlib
import unittest
import warnings

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage

from .fixture import folder, server

# Small and not a power of two, so that chunks meet no buffer's edge.
CHUNK = 10_007


class Tuspy(unittest.TestCase):
    """Uploads of one small film."""

    def setUp(self):
        # tuspy leaves its files to the garbage collector.
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter("ignore", ResourceWarning)
        self.server = server()
        self.film = self.server.data / f"{self.id()}.mp4"
        self.server.film(self.film.name, 3, "--size", "320x180")
        self.client = TusClient(f"{self.server.url}/files", headers={"Authorization": f"Bearer {self.server.key}"})

    def uploader(self, **options):
        """tuspy's uploader of the film."""
        named = {"metadata": {"filename": self.film.name, "title": "Über tuspy"}, "chunk_size": CHUNK}
        return self.client.uploader(str(self.film), **named, **options)

    def arrived(self, uploader):
        """Whether the film arrived as it is and became ready."""
        asset = uploader.request.response_headers["nexus-asset"]
        shown = self.server.settled(asset)
        self.assertEqual((shown["state"], shown["reason"]), ("ready", None))
        self.assertEqual(shown["source"]["name"], self.film.name)
        self.assertEqual(shown["source"]["bytes"], self.film.stat().st_size)
        self.assertEqual(shown["source"]["sha256"], hashlib.sha256(self.film.read_bytes()).hexdigest())

    def test_small_chunks(self):
        uploader = self.uploader()
        uploader.upload()
        self.arrived(uploader)

    def test_small_chunks_with_checksums(self):
        uploader = self.uploader(upload_checksum=True)
        uploader.upload()
        self.arrived(uploader)

    def test_an_upload_that_stopped_goes_on(self):
        remembered = {"store_url": True, "url_storage": FileStorage(str(folder(self) / "uploads.json"))}
        first = self.uploader(**remembered)
        first.upload(stop_at=5 * CHUNK)
        again = self.uploader(**remembered)
        self.assertEqual((again.url, again.offset), (first.url, 5 * CHUNK))
        again.upload()
        self.arrived(again)
