"""`nexus check` finds nothing wrong in what the server makes."""

from .fixture import on_films, quiet
from .programs import check


class Check:
    """One film."""

    def judge(self, url):
        """One entry: everything in it was read and judged, and nothing is wrong."""
        outcome, report = check(url)
        quiet(self, outcome)
        self.assertEqual(report["findings"], [])
        self.assertTrue(report["complete"])
        self.assertEqual(report["counts"]["segments_read"], report["counts"]["segments_listed"])

    def test_hls(self):
        self.judge(self.film.hls)

    def test_dash(self):
        self.judge(self.film.dash)


globals().update(on_films("film", "ntsc", "silent", "music")(Check))
