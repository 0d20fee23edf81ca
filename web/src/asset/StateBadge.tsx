import type { Asset } from '../api/types';
import { STATE_LABELS } from '../catalogue/words';
import { percentText } from '../text/format';

/** The state of an asset that cannot simply be watched; nothing for one that is ready. */
export function StateBadge({ asset }: { asset: Asset }) {
  if (asset.state === 'ready') return null;
  return (
    <span className={`badge badge-${asset.state}`} data-testid="state-badge">
      {STATE_LABELS[asset.state]}
      <BadgePercent asset={asset} />
    </span>
  );
}

function BadgePercent({ asset }: { asset: Asset }) {
  const { state, upload, progress } = asset;
  if (state === 'transcoding') return <span className="digits"> {percentText(progress.percent)}</span>;
  if (state !== 'uploading' || !upload || upload.length === 0) return null;
  return <span className="digits"> {percentText((upload.offset * 100) / upload.length)}</span>;
}
