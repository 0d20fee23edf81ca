/** A tile of a sprite sheet that shows the film from `start` to `end`, in seconds. */
export interface ThumbCue {
  start: number;
  end: number;
  url: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

const TIMING = /^(\S+)\s+-->\s+(\S+)/;
const TILE = /^(.*)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)$/;
const CUES_MAX = 100_000;

/** Seconds of a WebVTT timestamp, `[hh:]mm:ss.ttt`; null when it is none. */
export function vttSeconds(text: string): number | null {
  const match = /^(?:(\d+):)?([0-5]\d):([0-5]\d)\.(\d{3})$/.exec(text);
  if (!match) return null;
  const [, hours = '0', minutes = '0', seconds = '0', millis = '0'] = match;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) + Number(millis) / 1000;
}

/** Reads a WebVTT of sprite tiles (`sheet.jpg#xywh=x,y,w,h`); cues of another form are left out. */
export function parseThumbs(text: string, base: string): ThumbCue[] {
  const blocks = text.replace(/\r\n?/g, '\n').split(/\n{2,}/);
  return blocks
    .slice(0, CUES_MAX)
    .map((block) => parseCue(block, base))
    .filter((cue) => cue !== null);
}

function parseCue(block: string, base: string): ThumbCue | null {
  const lines = block.trim().split('\n');
  const at = lines.findIndex((line) => TIMING.test(line));
  const timing = TIMING.exec(lines[at] ?? '');
  const tile = TILE.exec(lines[at + 1]?.trim() ?? '');
  if (!timing || !tile) return null;
  const start = vttSeconds(timing[1] ?? '');
  const end = vttSeconds(timing[2] ?? '');
  if (start === null || end === null) return null;
  const [x = 0, y = 0, width = 0, height = 0] = tile.slice(2).map(Number);
  if (width === 0 || height === 0) return null;
  return { start, end, url: new URL(tile[1] ?? '', base).href, x, y, width, height };
}

/** The tile for a moment; after the last cue, the last tile. Cues are in order of time. */
export function thumbAt(cues: readonly ThumbCue[], seconds: number): ThumbCue | null {
  let low = 0;
  let high = cues.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((cues[middle]?.start ?? Infinity) <= seconds) low = middle;
    else high = middle - 1;
  }
  return cues[low] ?? null;
}
