import { useEffect, useEffectEvent } from 'react';
import { play } from './controls';
import type { Player } from './usePlayer';

const STEP_S = 10;

/** Tells the system what plays, and takes its media keys and lock-screen buttons. */
export function useMediaSession({ source, video, run, seekTo }: Player): void {
  const { title, poster } = source;
  const react = useEffectEvent(({ action, seekOffset, seekTime }: MediaSessionActionDetails) => {
    if (action === 'play' && video) play(video);
    if (action === 'pause') video?.pause();
    if (action === 'seekbackward') run({ do: 'seek', by: -(seekOffset ?? STEP_S) });
    if (action === 'seekforward') run({ do: 'seek', by: seekOffset ?? STEP_S });
    if (action === 'seekto' && seekTime !== undefined) seekTo(seekTime);
  });
  useEffect(() => {
    if (!video || !('mediaSession' in navigator)) return;
    const session = navigator.mediaSession;
    const actions = ['play', 'pause', 'seekbackward', 'seekforward', 'seekto'] as const;
    session.metadata = new MediaMetadata({ title, artwork: poster === null ? [] : [{ src: poster }] });
    for (const action of actions) session.setActionHandler(action, (details) => react(details));
    return () => {
      session.metadata = null;
      for (const action of actions) session.setActionHandler(action, null);
    };
  }, [video, title, poster]);
}
