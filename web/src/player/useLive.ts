import { useEffect, useState } from 'react';
import { liveStateOf, type LiveState } from './live';
import type { MediaState } from './media';
import type { Edge } from './playback';

export type { LiveState } from './live';

/** What a player is told of a broadcast. */
export interface LiveSource {
  channel: string;
  /** Of a private channel. */
  token: string | null;
  /** How often to say that one watches. */
  beaconMs: number;
  /** The server's clock less ours, in milliseconds; null while it is not known. */
  clockOffsetMs: () => number | null;
  /** What others have to know of this player, such as that it is a preview: it reports nothing. */
  silent: boolean;
}

const LOOK_MS = 500;

/** Where in a broadcast the viewer is, looked at twice a second. */
export function useLive(
  source: LiveSource | null,
  media: MediaState,
  edge: () => Edge | null,
): LiveState | null {
  const [seen, setSeen] = useState<{ edge: Edge | null; nowMs: number }>({ edge: null, nowMs: 0 });
  const live = source !== null;
  useEffect(() => {
    if (!live) return;
    const look = () => setSeen({ edge: edge(), nowMs: Date.now() });
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, [live, edge]);
  return source && liveStateOf(seen.edge, media.time, seen.nowMs, source.clockOffsetMs());
}
