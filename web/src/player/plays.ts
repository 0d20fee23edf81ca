import { beginPlay, endPlay, keepPlay } from '../api/calls';
import { Problem } from '../api/problem';
import type { Play } from '../api/types';

/** A word that was lost is said again after this. */
const RETRY_MS = 20_000;

export interface PlayCalls {
  begin: () => Promise<Play>;
  keep: (play: string) => Promise<void>;
  end: (play: string) => void;
}

export interface PlayReporter {
  playing: () => void;
  paused: () => void;
  close: () => void;
}

/**
 * Tells the server that somebody watches, for as long as the film runs. A pause says nothing: a short one goes
 * on as the same play, a long one ends it on the server and another begins. Failures are no matter to the viewer.
 */
export function reportPlay(calls: PlayCalls): PlayReporter {
  let play: Play | null = null;
  let running = false;
  let closed = false;
  let asking = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const again = (afterMs: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => void say(), afterMs);
  };
  const speak = async (): Promise<number> => {
    if (play === null) {
      play = await calls.begin();
      if (closed) calls.end(play.play);
      return play.first_heartbeat_ms;
    }
    await calls.keep(play.play);
    return play.heartbeat_ms;
  };
  const excuse = (error: unknown): number => {
    const over = play !== null && error instanceof Problem && error.status === 404;
    if (over) play = null;
    return over ? 0 : RETRY_MS;
  };
  async function say(): Promise<void> {
    if (!running || asking) return;
    asking = true;
    const next = await speak().catch(excuse);
    asking = false;
    again(next);
  }

  return {
    playing: () => {
      if (running || closed) return;
      running = true;
      void say();
    },
    paused: () => {
      running = false;
      clearTimeout(timer);
    },
    close: () => {
      running = false;
      closed = true;
      clearTimeout(timer);
      if (play) calls.end(play.play);
      play = null;
    },
  };
}

/** The token that the address of a private film's stream carries. */
export function tokenOf(hls: string): string | null {
  return /\/p\/([^/]+)\/(?:media|live)\//.exec(hls)?.[1] ?? null;
}

export function playCalls(id: string, hls: string): PlayCalls {
  return { begin: () => beginPlay(id, tokenOf(hls)), keep: keepPlay, end: endPlay };
}
