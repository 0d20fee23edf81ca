/** What the streaming engine tells the player. */

export interface Level {
  /** The engine's number of the rung. */
  index: number;
  height: number;
  /** Bits per second of the multivariant playlist. */
  bitrate: number;
  frameRate: number | null;
}

export interface AudioChoice {
  index: number;
  label: string;
}

export interface TextChoice {
  index: number;
  label: string;
}

export interface PlaybackState {
  /** Tallest first; empty where the browser itself plays HLS. */
  levels: readonly Level[];
  /** The rung on screen. */
  currentLevel: number | null;
  /** The rung the viewer asked for, on screen from the next segment on; null while the engine picks. */
  chosenLevel: number | null;
  audioChoices: readonly AudioChoice[];
  currentAudio: number | null;
  /** Captions and subtitles, in the order of the playlist. */
  textChoices: readonly TextChoice[];
  /** What is shown of them; null while they are off. */
  currentText: number | null;
  /** The playlist has no end yet: the film is still being made. */
  growing: boolean;
  /** Null until the manifest has been read. */
  audioOnly: boolean | null;
  /** Words for the viewer when playback cannot go on. */
  error: string | null;
}

export const NOTHING_LOADED: PlaybackState = {
  levels: [],
  currentLevel: null,
  chosenLevel: null,
  audioChoices: [],
  currentAudio: null,
  textChoices: [],
  currentText: null,
  growing: false,
  audioOnly: null,
  error: null,
};

export type Report = (change: Partial<PlaybackState>) => void;

/** The live edge of a broadcast, as the engine sees it. */
export interface Edge {
  /** The moment of the video element that a viewer at the edge plays, in seconds. */
  position: number;
  /** When what is shown now came to the server, in Unix milliseconds; null where the playlist has no dates. */
  shownAtMs: number | null;
  /** How fast the broadcast goes on against this machine's clock; 1 is even. */
  drift: number | null;
}

export interface Engine {
  /** Null gives the choice back to the engine. */
  selectLevel: (index: number | null) => void;
  selectAudio: (index: number) => void;
  /** Null turns captions off. */
  selectText: (index: number | null) => void;
  /** Null for a film, and before anything is known of a broadcast. */
  edge: () => Edge | null;
  destroy: () => void;
}

export interface EngineOptions {
  url: string;
  /** Seconds to start at. */
  startAt: number;
  /** Load no media before play is asked for. */
  lazy: boolean;
  /** A broadcast: begins and stays at its edge. */
  live: boolean;
}

/** What the key for captions changes to: off, or else the track that was shown last, or else the first. */
export function toggledText(
  { textChoices, currentText }: Pick<PlaybackState, 'textChoices' | 'currentText'>,
  last: number | null,
): TextChoice | null {
  if (currentText !== null) return null;
  return textChoices.find(({ index }) => index === last) ?? textChoices[0] ?? null;
}

/** `1080p`, with the frame rate where it is a high one: `1080p60`. */
export function levelLabel(level: Level): string {
  const fast = level.frameRate !== null && level.frameRate > 31;
  return `${level.height}p${fast ? Math.round(level.frameRate ?? 0) : ''}`;
}

/** `2.4 Mb/s`, `640 kb/s`. */
export function bitrateLabel(bitsPerSecond: number): string {
  return bitsPerSecond >= 1e6
    ? `${(bitsPerSecond / 1e6).toFixed(1)} Mb/s`
    : `${Math.round(bitsPerSecond / 1e3)} kb/s`;
}
