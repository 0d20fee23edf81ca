import { useCallback, useEffect, useRef, useState } from 'react';
import { createStore, useStore } from '../state/store';
import { play } from './controls';
import { failureWords } from './errors';
import { attachNative, playsHlsItself } from './nativeEngine';
import { NOTHING_LOADED, type Engine, type EngineOptions, type PlaybackState, type Report } from './playback';

async function attach(video: HTMLVideoElement, options: EngineOptions, report: Report): Promise<Engine> {
  if (playsHlsItself(video)) return attachNative(video, options, report);
  const { attachHls, hlsSupported } = await import('./hlsEngine');
  if (hlsSupported()) return attachHls(video, options, report);
  if (video.canPlayType('application/vnd.apple.mpegurl') !== '') return attachNative(video, options, report);
  throw new Error(failureWords('unsupported'));
}

export interface Source {
  url: string;
  lazy: boolean;
  /** A broadcast instead of a film. */
  live: boolean;
  /** Seconds to start at, asked when the engine is attached. */
  startAt: () => number;
  /** Another number attaches anew and plays: the viewer asked to try again. */
  attempt: number;
}

interface Playback extends Pick<Engine, 'selectLevel' | 'selectAudio' | 'selectText' | 'edge'> {
  state: PlaybackState;
}

/** Feeds a video element from an HLS address for as long as both stay the same. */
export function usePlayback(video: HTMLVideoElement | null, source: Source): Playback {
  const [store] = useState(() => createStore(NOTHING_LOADED));
  const engine = useRef<Engine | null>(null);
  const { url, lazy, live, startAt, attempt } = source;

  useEffect(() => {
    if (!video) return;
    let detached = false;
    const report: Report = (change) => {
      if (!detached) store.set((state) => ({ ...state, ...change }));
    };
    store.set(() => NOTHING_LOADED);
    attach(video, { url, lazy, live, startAt: startAt() }, report).then(
      (attached) => {
        if (detached) return attached.destroy();
        engine.current = attached;
        if (attempt > 0) play(video);
      },
      () => report({ error: failureWords('unsupported') }),
    );
    return () => {
      detached = true;
      engine.current?.destroy();
      engine.current = null;
    };
  }, [video, url, lazy, live, startAt, attempt, store]);

  const state = useStore(store, (value) => value);
  const edge = useCallback(() => engine.current?.edge() ?? null, []);
  return {
    state,
    selectLevel: (index) => engine.current?.selectLevel(index),
    selectAudio: (index) => engine.current?.selectAudio(index),
    selectText: (index) => engine.current?.selectText(index),
    edge,
  };
}
