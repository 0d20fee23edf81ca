import type { CSSProperties } from 'react';

interface ProgressBarProps {
  /** 0 to 100; null while the amount is unknown. */
  percent: number | null;
  label: string;
  tone?: 'active' | 'done' | 'still' | 'bad';
}

export function ProgressBar({ percent, label, tone = 'active' }: ProgressBarProps) {
  const known = percent === null ? {} : { 'aria-valuenow': Math.floor(percent) };
  const style = { '--percent': `${percent ?? 0}%` } as CSSProperties;
  return (
    <div
      className={`progress progress-${tone} ${percent === null ? 'progress-unknown' : ''}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      {...known}
    >
      <div className="progress-fill" style={style} />
    </div>
  );
}
