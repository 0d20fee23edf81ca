import { useEffect } from 'react';
import type { Asset } from '../api/types';
import { steerOf } from '../asset/steering';
import { onFeedEvent, useFreshAsset } from '../catalogue/assets';
import { Link } from '../state/router';
import { IconButton } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { ProgressBar } from '../ui/ProgressBar';
import { dismissImport, importPercent, importSentence } from './imports';
import { RungBars } from './RungBars';

type Tone = 'active' | 'done' | 'bad';

function toneOf({ state }: Asset): Tone {
  return state === 'failed' ? 'bad' : state === 'ready' ? 'done' : 'active';
}

/** One file that the server fetches, from its first byte to the finished ladder. */
export function ImportRow({ assetId }: { assetId: string }) {
  const asset = useFreshAsset(assetId);
  useEffect(
    () =>
      onFeedEvent(
        (event) => event.kind === 'asset.deleted' && event.id === assetId && dismissImport(assetId),
      ),
    [assetId],
  );
  if (!asset) return null;
  const tone = toneOf(asset);
  return (
    <li
      className={`transfer transfer-${tone}`}
      data-testid="import"
      data-asset={assetId}
      data-state={asset.state}
    >
      <div className="transfer-head">
        <span className="transfer-icon">
          <Icon name={tone === 'bad' ? 'alert' : tone === 'done' ? 'check' : 'film'} size={18} />
        </span>
        <div className="transfer-words">
          <strong title={asset.source.name}>{asset.title}</strong>
          <span className="small soft digits">{importSentence(asset)}</span>
        </div>
        <div className="transfer-actions">
          <ImportAction asset={asset} />
        </div>
      </div>
      <ProgressBar percent={importPercent(asset)} label={`Progress of ${asset.title}`} tone={tone} />
      {asset.state === 'transcoding' && <RungBars asset={asset} />}
      {asset.playable && (
        <Link className="transfer-watch" href={`/watch/${asset.id}`} data-testid="import-watch">
          <Icon name="play" size={16} />
          {asset.state === 'ready' ? 'Watch' : 'Playable already: watch now'}
        </Link>
      )}
    </li>
  );
}

function ImportAction({ asset }: { asset: Asset }) {
  const steer = asset.state === 'uploading' ? steerOf(asset) : null;
  if (steer) {
    return (
      <IconButton
        icon="close"
        label={`Cancel the import of ${asset.title}`}
        onClick={() => void steer.run()}
      />
    );
  }
  return (
    <IconButton
      icon="close"
      label={`Take ${asset.title} off this list`}
      onClick={() => dismissImport(asset.id)}
    />
  );
}
