import type { ThumbCue } from './thumbs';

/** One tile of a sprite sheet, scaled to a width in CSS pixels. */
export function SpriteTile({ cue, width }: { cue: ThumbCue; width: number }) {
  const scale = width / cue.width;
  return (
    <span className="sprite" style={{ width, height: cue.height * scale }} aria-hidden="true">
      <span
        className="sprite-sheet"
        style={{
          width: cue.width,
          height: cue.height,
          backgroundImage: `url("${cue.url}")`,
          backgroundPosition: `${-cue.x}px ${-cue.y}px`,
          transform: `scale(${scale})`,
        }}
      />
    </span>
  );
}
