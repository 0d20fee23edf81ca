"""Our presentation as anybody would read it: playlists over HTTP, header and segments into files."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin


@dataclass
class Track:
    """One media playlist with its bytes."""

    name: str
    url: str
    header: Path
    # One file a segment: header and segment joined, as a player's buffer would hold them.
    segments: list
    # Header and all segments joined.
    whole: Path

    @property
    def is_video(self):
        """Whether these are pictures."""
        return self.name.startswith("video-")

    @property
    def kind(self):
        """What these are, as most programs call it."""
        return "video" if self.is_video else "audio"


def lines(text):
    """The addresses in a playlist."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def playlist_urls(server, hls):
    """The addresses of all media playlists that a multivariant playlist names, I-frame playlists left out."""
    text = server.get(hls).decode()
    renditions = re.findall(r'#EXT-X-MEDIA:[^\n]*?URI="([^"]+)"', text)
    return [urljoin(hls, uri) for uri in (*lines(text), *renditions)]


def track(server, url, folder):
    """Reads one media playlist and everything in it."""
    text = server.get(url).decode()
    name = url.rsplit("/", 2)[1]
    header, whole = folder / f"{name}-header.mp4", folder / f"{name}-whole.mp4"
    header.write_bytes(server.get(urljoin(url, re.search(r'#EXT-X-MAP:URI="([^"]+)"', text)[1])))
    segments, bodies = [], []
    for uri in lines(text):
        bodies.append(server.get(urljoin(url, uri)))
        segments.append(folder / f"{name}-{uri.removesuffix('.m4s')}.mp4")
        segments[-1].write_bytes(header.read_bytes() + bodies[-1])
    whole.write_bytes(header.read_bytes() + b"".join(bodies))
    return Track(name, url, header, segments, whole)


def tracks(server, hls, folder):
    """All tracks of a presentation."""
    return [track(server, url, folder) for url in playlist_urls(server, hls)]


def key_pictures(server, hls, folder):
    """The pictures that I-frame playlists point at: one file each, header and byte range joined."""
    files = []
    for uri in re.findall(r'#EXT-X-I-FRAME-STREAM-INF:[^\n]*?URI="([^"]+)"', server.get(hls).decode()):
        url = urljoin(hls, uri)
        text = server.get(url).decode()
        header = server.get(urljoin(url, re.search(r'#EXT-X-MAP:URI="([^"]+)"', text)[1]))
        ranges = re.findall(r"#EXT-X-BYTERANGE:(\d+)@(\d+)\n([^#\n]+)", text)
        for place, (length, offset, segment) in enumerate(ranges):
            last = int(offset) + int(length) - 1
            picture = server.get(urljoin(url, segment), {"range": f"bytes={offset}-{last}"})
            files.append(folder / f"{url.rsplit('/', 2)[1]}-key-{place:05}.mp4")
            files[-1].write_bytes(header + picture)
    return files
