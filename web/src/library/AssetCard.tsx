import type { Asset } from '../api/types';
import { AssetMenu } from '../asset/AssetMenu';
import { Poster } from '../asset/Poster';
import { StateBadge } from '../asset/StateBadge';
import { useAsset } from '../catalogue/assets';
import { isUnderWay, STATE_LABELS, topHeight, VISIBILITY_WORDS } from '../catalogue/words';
import { Link } from '../state/router';
import { audienceWords, byteSize, clockTime, spokenTime, timeAgo } from '../text/format';
import { chooseAndContinue, useTransfers } from '../upload/useUploads';
import { isUnsent } from '../upload/transfer';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { ProgressBar } from '../ui/ProgressBar';
import { useNow } from '../ui/useNow';
import { ScrubPreview } from './ScrubPreview';

/** One asset of the library. */
export function AssetCard({ id }: { id: string }) {
  const asset = useAsset(id);
  if (!asset) return null;
  const path = `/watch/${id}`;
  return (
    <li className="card" data-testid="asset-card" data-asset={id} data-state={asset.state}>
      {/* The title below is the link for keyboards and screen readers; one way in is enough for them. */}
      <Link className="card-picture" href={path} tabIndex={-1} aria-hidden="true">
        <ScrubPreview thumbs={asset.thumbs} durationMs={asset.duration_ms}>
          <Poster asset={asset} />
          <StateBadge asset={asset} />
          {asset.duration_ms !== null && (
            <span className="card-duration digits">{clockTime(asset.duration_ms / 1000)}</span>
          )}
          <CardProgress asset={asset} />
        </ScrubPreview>
      </Link>
      <Link className="card-title" href={path}>
        {asset.title}
      </Link>
      <CardFacts asset={asset} />
      <AssetMenu asset={asset} />
      <ContinueUpload asset={asset} />
    </li>
  );
}

/** What the picture shows, for those who do not see it. */
function spokenFacts({ state, duration_ms: duration }: Asset): string {
  const length = duration === null ? [] : [spokenTime(duration / 1000)];
  return [...(state === 'ready' ? [] : [STATE_LABELS[state]]), ...length].join(', ');
}

function CardProgress({ asset }: { asset: Asset }) {
  if (!isUnderWay(asset.state)) return null;
  const percent = asset.state === 'transcoding' ? asset.progress.percent : null;
  return <ProgressBar percent={percent} label={`Transcoding of ${asset.title}`} />;
}

function CardFacts({ asset }: { asset: Asset }) {
  const now = useNow();
  const height = topHeight(asset.progress.tracks);
  const facts = [
    height === null ? null : `${height}p`,
    byteSize(asset.source.bytes),
    timeAgo(asset.created_ms, now),
    audienceWords(asset),
  ];
  if (asset.state === 'failed') {
    return (
      <span className="card-facts card-reason">
        <span className="unseen">Failed: </span>
        {asset.reason}
      </span>
    );
  }
  return (
    <span className="card-facts digits">
      <span className="unseen">{spokenFacts(asset)}. </span>
      {asset.visibility !== 'unlisted' && (
        <span className="card-visibility" title={VISIBILITY_WORDS[asset.visibility].label}>
          <Icon name={asset.visibility === 'private' ? 'lock' : 'globe'} size={14} />
          <span className="unseen">{VISIBILITY_WORDS[asset.visibility].label}</span>
        </span>
      )}
      {facts.filter((fact) => fact !== null).join(' · ')}
    </span>
  );
}

/** Offered for an upload that broke off and that this page is not sending. */
function ContinueUpload({ asset }: { asset: Asset }) {
  const sending = useTransfers().some((transfer) => transfer.assetId === asset.id && isUnsent(transfer));
  if (asset.state !== 'uploading' || asset.upload === null || sending) return null;
  return (
    <Button className="card-continue" icon="upload" onClick={() => chooseAndContinue(asset)}>
      Continue upload
    </Button>
  );
}
