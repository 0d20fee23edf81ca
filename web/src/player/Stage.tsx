import { useRef, type MouseEvent, type PointerEvent } from 'react';
import { Wave } from '../asset/Wave';
import { doubleTapSide, type Tap } from './taps';
import type { Activity } from './useActivity';
import type { Player } from './usePlayer';

const TAP_STEP_S = 10;

/** The picture. A click plays or pauses; on touch a tap shows the controls and a double tap seeks. */
export function Stage({ player, activity }: { player: Player; activity: Activity }) {
  const { source, media, audioOnly, run, setVideo } = player;
  const lastTap = useRef<Tap | null>(null);
  const byTouch = useRef(false);

  const onPointerUp = (event: PointerEvent<HTMLDivElement>) => {
    byTouch.current = event.pointerType === 'touch';
    if (!byTouch.current) return;
    const box = event.currentTarget.getBoundingClientRect();
    const tap = { atMs: event.timeStamp, fraction: (event.clientX - box.left) / box.width };
    const side = doubleTapSide(lastTap.current, tap);
    lastTap.current = tap;
    if (side !== null) run({ do: 'seek', by: side === 'left' ? -TAP_STEP_S : TAP_STEP_S });
    else if (activity.shown) activity.sleep();
    else activity.wake();
  };
  const onClick = (event: MouseEvent) => {
    if (byTouch.current || event.button !== 0) return;
    run({ do: 'toggle' });
  };
  const onDoubleClick = () => {
    if (!byTouch.current) run({ do: 'fullscreen' });
  };

  return (
    <div className="stage" onPointerUp={onPointerUp} onClick={onClick} onDoubleClick={onDoubleClick}>
      <video
        ref={setVideo}
        className="stage-video"
        playsInline
        poster={source.poster ?? undefined}
        data-testid="video"
        aria-label={source.title}
      />
      {audioOnly && (
        <div className="stage-audio">
          <Wave id={source.id} moving={!media.paused && !media.stalled} />
          <strong>{source.title}</strong>
        </div>
      )}
    </div>
  );
}
