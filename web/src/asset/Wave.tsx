import { waveHeights } from './wave';

const STEP = 10;
const HEIGHT = 160;

/** The picture of an asset that has none: bars as on a mixing desk. */
export function Wave({ id, moving = false }: { id: string; moving?: boolean }) {
  const heights = waveHeights(id);
  return (
    <svg
      className={moving ? 'wave wave-moving' : 'wave'}
      viewBox={`0 0 ${heights.length * STEP} ${HEIGHT}`}
      aria-hidden="true"
    >
      {heights.map((height, bar) => (
        <rect
          key={bar}
          x={bar * STEP + 2}
          y={(HEIGHT * (1 - height)) / 2}
          width={STEP - 4}
          height={HEIGHT * height}
          rx={3}
          style={{ animationDelay: `${-(bar * 370) % 1900}ms` }}
        />
      ))}
    </svg>
  );
}
