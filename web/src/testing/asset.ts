import type { Asset } from '../api/types';

/** An asset for unit tests, ready to watch unless changed. */
export function assetWith(change: Partial<Asset>): Asset {
  return {
    id: 'a1',
    title: 'Film',
    state: 'ready',
    visibility: 'unlisted',
    reason: null,
    version: 1,
    created_ms: 1_000,
    updated_ms: 2_000,
    duration_ms: 60_000,
    source: { name: 'film.mp4', bytes: 1_000_000, sha256: null },
    playable: true,
    plays: 0,
    viewers: 0,
    hls: 'https://nexus.example/media/a1/hls.m3u8',
    dash: 'https://nexus.example/media/a1/dash.mpd',
    poster: null,
    thumbs: null,
    share: 'https://nexus.example/watch/a1',
    embed: 'https://nexus.example/embed/a1',
    progress: { percent: 100, tracks: [] },
    plan: null,
    findings: [],
    upload: null,
    ...change,
  };
}
