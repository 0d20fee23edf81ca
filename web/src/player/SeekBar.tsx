import { useRef, useState, type CSSProperties, type KeyboardEvent, type PointerEvent } from 'react';
import { clockTime } from '../text/format';
import { behindText, spokenBehind } from './live';
import { SpriteTile } from './SpriteTile';
import { thumbAt } from './thumbs';
import {
  bufferedFractions,
  clampTime,
  fractionAt,
  fractionOf,
  momentAt,
  spokenPosition,
  type Timeline,
} from './timeline';
import type { Player } from './usePlayer';
import { useThumbs } from './useThumbs';

const KEY_STEPS_S = new Map([
  ['ArrowLeft', -5],
  ['ArrowRight', 5],
  ['PageDown', -60],
  ['PageUp', 60],
]);
const PREVIEW_PX = 176;

interface SeekPointer {
  /** Share of the bar left of the pointer. */
  fraction: number;
  /** Width of the bar in CSS pixels. */
  width: number;
  dragging: boolean;
}

const share = (fraction: number) => `${fraction * 100}%`;

/** Where one is in the film, what is loaded, and what is not made yet. */
export function SeekBar({ player, onHold }: { player: Player; onHold: (held: boolean) => void }) {
  const { media, timeline, seekTo } = player;
  const bar = useRef<HTMLDivElement>(null);
  const [pointer, setPointer] = useState<SeekPointer | null>(null);

  const follow = (event: PointerEvent, dragging: boolean) => {
    if (!bar.current) return;
    const box = bar.current.getBoundingClientRect();
    setPointer({ fraction: fractionAt(event.clientX, box), width: box.width, dragging });
  };
  const grab = (event: PointerEvent<HTMLDivElement>) => {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    onHold(true);
    follow(event, true);
  };
  const release = (event: PointerEvent) => {
    if (!pointer?.dragging) return;
    onHold(false);
    seekTo(momentAt(pointer.fraction, timeline));
    setPointer(event.pointerType === 'mouse' ? { ...pointer, dragging: false } : null);
  };
  const abandon = () => {
    onHold(false);
    setPointer(null);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const target = keyTarget(event.key, media.time, timeline);
    if (target === null) return;
    event.preventDefault();
    seekTo(target);
  };

  const shown = pointer?.dragging ? clampTime(momentAt(pointer.fraction, timeline), timeline) : media.time;
  const played = fractionOf(shown, timeline);
  return (
    <div
      className="seek"
      role="slider"
      tabIndex={0}
      aria-label="Position"
      aria-valuemin={Math.floor(timeline.from)}
      aria-valuemax={Math.floor(timeline.total)}
      aria-valuenow={Math.floor(shown)}
      aria-valuetext={
        player.source.live ? spokenBehind(timeline.total - shown) : spokenPosition(shown, timeline)
      }
      data-testid="seek"
      data-moving={pointer?.dragging === true || media.seeking || media.paused}
      style={{ '--played': share(played) } as CSSProperties}
      onKeyDown={onKeyDown}
      onPointerDown={grab}
      onPointerMove={(event) => follow(event, pointer?.dragging ?? false)}
      onPointerUp={release}
      onPointerCancel={abandon}
      onPointerLeave={() => pointer?.dragging !== true && setPointer(null)}
    >
      <div ref={bar} className="seek-track">
        <SeekRanges player={player} />
        {pointer && <div className="seek-hover" style={{ width: share(pointer.fraction) }} />}
        <div className="seek-played" />
      </div>
      <div className="seek-knob" />
      {pointer && <SeekPreview player={player} pointer={pointer} />}
    </div>
  );
}

function keyTarget(key: string, time: number, { from, available }: Timeline): number | null {
  if (key === 'Home') return from;
  if (key === 'End') return available;
  const step = KEY_STEPS_S.get(key);
  return step === undefined ? null : time + step;
}

function SeekRanges({ player: { media, timeline, playback, source } }: { player: Player }) {
  return (
    <>
      {bufferedFractions(media.buffered, timeline).map(({ start, end }) => (
        <div
          key={start}
          className="seek-buffered"
          style={{ left: share(start), width: share(end - start) }}
        />
      ))}
      {playback.growing && !source.live && (
        <div className="seek-unmade" style={{ left: share(fractionOf(timeline.available, timeline)) }} />
      )}
    </>
  );
}

/** The moment under the pointer: its picture, where there are thumbnails, and its time. */
function SeekPreview({ player, pointer: { fraction, width } }: { player: Player; pointer: SeekPointer }) {
  const { source, timeline } = player;
  const cues = useThumbs(source.thumbs, true);
  const seconds = momentAt(fraction, timeline);
  const cue = thumbAt(cues, seconds);
  const unmade = seconds > timeline.available;
  const half = (cue ? PREVIEW_PX : 56) / 2;
  const left = Math.min(Math.max(fraction * width, half), Math.max(half, width - half));
  return (
    <div className="seek-preview" style={{ left }} aria-hidden="true" data-testid="seek-preview">
      {cue && !unmade && <SpriteTile cue={cue} width={PREVIEW_PX} />}
      <span className="digits">
        {source.live ? behindText(timeline.total - seconds) : unmade ? 'Not made yet' : clockTime(seconds)}
      </span>
    </div>
  );
}
