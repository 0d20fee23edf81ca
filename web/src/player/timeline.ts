import { clockTime, spokenTime } from '../text/format';
import type { MediaState, TimeRange } from './media';

/** The film, or the window of a broadcast, as the seek bar shows it, in seconds. */
export interface Timeline {
  /** Where it begins: 0 for a film; of a broadcast, as far as one may go back. */
  from: number;
  /** Where it ends, also the part that is not made yet. */
  total: number;
  /** What can be played now; equal to `total` once the film is finished. */
  available: number;
}

/** `durationMs` is what the server knows of the source, before the playlist has its end. */
export function timelineOf(
  media: Pick<MediaState, 'duration' | 'seekableEnd'>,
  growing: boolean,
  durationMs: number | null,
): Timeline {
  const known = (durationMs ?? 0) / 1000;
  const measured = Number.isFinite(media.duration) ? media.duration : media.seekableEnd;
  const end = measured > 0 ? measured : known;
  if (!growing) return { from: 0, total: end, available: end };
  const available = Math.max(media.seekableEnd, 0);
  return { from: 0, total: Math.max(known, measured), available };
}

/** That of a broadcast: what of it can be played, up to the live edge. */
export function liveTimelineOf(
  media: Pick<MediaState, 'seekableStart' | 'seekableEnd'>,
  edge: number | null,
): Timeline {
  const end = Math.max(edge ?? media.seekableEnd, media.seekableStart);
  return { from: media.seekableStart, total: end, available: end };
}

export function clampTime(seconds: number, { from, available }: Timeline): number {
  return Math.min(Math.max(from, seconds), available);
}

/** The moment at a share of the bar. */
export function momentAt(fraction: number, { from, total }: Timeline): number {
  return from + fraction * (total - from);
}

/** Share of the bar left of a pointer, 0 to 1. */
export function fractionAt(x: number, bar: { left: number; width: number }): number {
  return bar.width > 0 ? Math.min(1, Math.max(0, (x - bar.left) / bar.width)) : 0;
}

/** Position on the bar, 0 to 1. */
export function fractionOf(seconds: number, { from, total }: Timeline): number {
  return total > from ? Math.min(1, Math.max(0, (seconds - from) / (total - from))) : 0;
}

/** The buffered stretches as shares of the bar. */
export function bufferedFractions(ranges: readonly TimeRange[], timeline: Timeline): TimeRange[] {
  return ranges.map(({ start, end }) => ({
    start: fractionOf(start, timeline),
    end: fractionOf(end, timeline),
  }));
}

export function spokenPosition(seconds: number, { total }: Timeline): string {
  return `${spokenTime(seconds)} of ${spokenTime(total)}`;
}

/** `5:00 / 1:00:00`. */
export function positionText(seconds: number, { total }: Timeline): string {
  return `${clockTime(seconds)} / ${clockTime(total)}`;
}
