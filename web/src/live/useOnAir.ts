import { useCallback, useEffect, useRef, useState } from 'react';
import { getOnAir, type OnAir } from '../api/live';
import { isAbort, Problem, reasonOf } from '../api/problem';
import { clockOffsetMs, nextScreen, pollDelayMs, type Screen } from './onair';

export type Watched =
  | { status: 'loading' }
  | { status: 'missing' }
  | { status: 'failed'; reason: string }
  | { status: 'loaded'; onAir: OnAir; screen: Screen };

interface OnAirHook {
  watched: Watched;
  /** The server's clock less ours. */
  offsetMs: () => number | null;
  /** Tells that a broadcast was played to its end, or can be played no further. */
  over: (broadcast: string) => void;
  /** Asks again at once. */
  reload: () => void;
}

function refused(before: Watched, error: unknown): Watched {
  if (before.status === 'loaded') return before;
  const missing = error instanceof Problem && error.status === 404;
  return missing ? { status: 'missing' } : { status: 'failed', reason: reasonOf(error) };
}

/** A channel as a viewer may know it, asked again and again while the page is in view. */
export function useOnAir(id: string, token: string | null): OnAirHook {
  const [watched, setWatched] = useState<Watched>({ status: 'loading' });
  const [request, setRequest] = useState(0);
  const played = useRef<string | null>(null);
  const offset = useRef<{ ms: number; trip: number } | null>(null);
  const reload = useCallback(() => setRequest((before) => before + 1), []);
  const offsetMs = useCallback(() => offset.current?.ms ?? null, []);

  useEffect(() => {
    const ended = new AbortController();
    let timer = 0;
    let quiet = 0;
    let state: OnAir['state'] | null = null;
    const note = (onAir: OnAir, askedMs: number) => {
      const trip = Date.now() - askedMs;
      // The quickest answer knows the clock best.
      if (!offset.current || trip <= offset.current.trip) {
        offset.current = { ms: clockOffsetMs(askedMs, askedMs + trip, onAir.now_ms), trip };
      }
      quiet = onAir.state === state ? quiet + 1 : 0;
      state = onAir.state;
      // What goes on is not over, however often its player failed meanwhile.
      if (onAir.hls !== null) played.current = null;
      setWatched((before) => {
        const screen = before.status === 'loaded' ? before.screen : null;
        return { status: 'loaded', onAir, screen: nextScreen(screen, onAir, played.current) };
      });
    };
    const look = async () => {
      const askedMs = Date.now();
      try {
        if (!document.hidden || state === null) note(await getOnAir(id, token, ended.signal), askedMs);
      } catch (error) {
        if (isAbort(error) || ended.signal.aborted) return;
        quiet += 1;
        setWatched((before) => refused(before, error));
      }
      timer = window.setTimeout(() => void look(), pollDelayMs(state, quiet));
    };
    void look();
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [id, token, request]);

  const over = useCallback(
    (broadcast: string) => {
      played.current = broadcast;
      reload();
    },
    [reload],
  );
  return { watched, offsetMs, over, reload };
}
