import { useEffect, useEffectEvent, useRef } from 'react';
import { freshName } from '../api/fresh';
import { sendBeacon } from '../api/live';
import type { Player } from './usePlayer';

/** The first word comes when there is something to say of the latency. */
const FIRST_WORD_MS = 3_000;
/** Before that long, the way in which lists arrive says more than the clock. */
const DRIFT_AFTER_MS = 60_000;

/** Says every few seconds that this player watches, and how late; failures are no matter to the viewer. */
export function useLiveReport({ source: { live: source }, video, live }: Player, playing: boolean): void {
  const viewer = useRef<string | null>(null);
  const stalls = useRef(0);
  const startedMs = useRef(0);
  const started = playing && source !== null && !source.silent;
  useEffect(() => {
    if (!video || !started) return;
    const count = () => {
      if (!video.seeking && !video.paused) stalls.current += 1;
    };
    video.addEventListener('waiting', count);
    return () => video.removeEventListener('waiting', count);
  }, [video, started]);
  const say = useEffectEvent(() => {
    if (!source) return;
    viewer.current ??= freshName();
    const settled = Date.now() - startedMs.current >= DRIFT_AFTER_MS;
    const said = {
      viewer: viewer.current,
      latency_ms: live?.latencyMs ?? null,
      behind_ms: Math.round((live?.behindS ?? 0) * 1000),
      stalls: stalls.current,
      drift_ms_per_minute: settled ? (live?.driftMsPerMinute ?? null) : null,
      token: source.token,
    };
    stalls.current = 0;
    sendBeacon(source.channel, said).catch(() => undefined);
  });
  const everyMs = source?.beaconMs ?? 0;
  useEffect(() => {
    if (!started) return;
    startedMs.current = Date.now();
    const first = setTimeout(() => say(), FIRST_WORD_MS);
    const timer = setInterval(() => say(), everyMs);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
    };
  }, [started, everyMs]);
}
