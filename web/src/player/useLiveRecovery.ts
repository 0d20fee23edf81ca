import { useEffect, useEffectEvent, useRef } from 'react';
import { retryDelayMs } from './live';
import type { Player } from './usePlayer';

/** A broadcast that could not be played is tried again without being asked, ever less often. */
export function useLiveRecovery({ source, playback, retry }: Player, playing: boolean): void {
  const attempts = useRef(0);
  const again = useEffectEvent(() => {
    attempts.current += 1;
    retry();
  });
  useEffect(() => {
    if (playing) attempts.current = 0;
  }, [playing]);
  const failed = source.live !== null && playback.error !== null;
  useEffect(() => {
    if (!failed) return;
    const timer = setTimeout(() => again(), retryDelayMs(attempts.current));
    return () => clearTimeout(timer);
  }, [failed]);
}
