import { useRef, useState, type PointerEvent, type ReactNode } from 'react';
import { SpriteTile } from '../player/SpriteTile';
import { thumbAt } from '../player/thumbs';
import { useThumbs } from '../player/useThumbs';

interface ScrubPreviewProps {
  thumbs: string | null;
  durationMs: number | null;
  children: ReactNode;
}

/** A poster that leafs through the film as a mouse moves across it. */
export function ScrubPreview({ thumbs, durationMs, children }: ScrubPreviewProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<{ fraction: number; width: number } | null>(null);
  const cues = useThumbs(thumbs, at !== null);
  const follow = (event: PointerEvent) => {
    const box = frame.current?.getBoundingClientRect();
    if (event.pointerType !== 'mouse' || !box || box.width === 0) return;
    setAt({ fraction: (event.clientX - box.left) / box.width, width: box.width });
  };
  const seconds = at === null ? 0 : (at.fraction * (durationMs ?? 0)) / 1000;
  const cue = at === null ? null : thumbAt(cues, seconds);
  return (
    <div ref={frame} className="card-poster" onPointerMove={follow} onPointerLeave={() => setAt(null)}>
      {children}
      {at !== null && cue && (
        <span className="card-scrub">
          <SpriteTile cue={cue} width={at.width} />
          <span className="card-scrub-line" style={{ left: `${at.fraction * 100}%` }} />
        </span>
      )}
    </div>
  );
}
