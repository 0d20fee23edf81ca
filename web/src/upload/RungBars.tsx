import type { Asset } from '../api/types';
import { byRung, trackLabel } from '../catalogue/words';
import { percentText } from '../text/format';
import { ProgressBar } from '../ui/ProgressBar';

/** The ladder under way: a bar for each rung, for each audio stream and for the images. */
export function RungBars({ asset }: { asset: Asset }) {
  const tracks = [...asset.progress.tracks].sort(byRung);
  if (tracks.length === 0) return null;
  return (
    <ul className="rungs" aria-label={`Tracks of ${asset.title}`} data-testid="rungs">
      {tracks.map((track) => (
        <li key={track.name} className="rung" data-track={track.name} data-percent={track.percent}>
          <span>{trackLabel(track)}</span>
          <ProgressBar
            percent={track.percent}
            label={`${trackLabel(track)} of ${asset.title}`}
            tone={track.percent >= 100 ? 'done' : 'active'}
          />
          <span className="digits soft">{percentText(track.percent)}</span>
        </li>
      ))}
    </ul>
  );
}
