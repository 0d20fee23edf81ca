const RUNGS = [20, 14.8, 9.6, 4.4];

/** A ladder whose rungs make a play sign. */
export function Logo({ size }: { size: number }) {
  return (
    <svg className="logo" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      {RUNGS.map((height, rung) => (
        <rect key={height} x={7 + rung * 5.2} y={16 - height / 2} width={3.4} height={height} rx={1.7} />
      ))}
    </svg>
  );
}
