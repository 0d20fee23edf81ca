import { useState } from 'react';
import type { Asset } from '../api/types';
import { useFreshAsset } from '../catalogue/assets';
import { Link } from '../state/router';
import { IconButton } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { ProgressBar } from '../ui/ProgressBar';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { cancel, dismiss, pause, resume } from './queue';
import { RungBars } from './RungBars';
import { barPercent, isActive, isUnsent, titleOf, transferSentence, type Transfer } from './transfer';

type Tone = 'active' | 'done' | 'still' | 'bad';

function toneOf(transfer: Transfer, asset: Asset | null): Tone {
  if (transfer.phase === 'failed' || asset?.state === 'failed') return 'bad';
  if (transfer.phase === 'paused' || transfer.phase === 'waiting') return 'still';
  return transfer.phase === 'sent' && asset?.state === 'ready' ? 'done' : 'active';
}

/** One file from the first byte to the finished ladder. */
export function TransferRow({ transfer }: { transfer: Transfer }) {
  // Before its last byte is in, the upload itself knows more than the asset.
  const asset = useFreshAsset(transfer.phase === 'sent' ? transfer.assetId : null);
  const title = asset?.title ?? titleOf(transfer.name);
  const tone = toneOf(transfer, asset);
  return (
    <li
      className={`transfer transfer-${tone}`}
      data-testid="transfer"
      data-phase={transfer.phase}
      data-asset={transfer.assetId ?? undefined}
      data-state={asset?.state}
    >
      <div className="transfer-head">
        <span className="transfer-icon">
          <Icon name={tone === 'bad' ? 'alert' : tone === 'done' ? 'check' : 'film'} size={18} />
        </span>
        <div className="transfer-words">
          <strong title={transfer.name}>{title}</strong>
          <span className="small soft digits">{transferSentence(transfer, asset)}</span>
        </div>
        <TransferActions transfer={transfer} title={title} />
      </div>
      <ProgressBar percent={barPercent(transfer, asset)} label={`Progress of ${title}`} tone={tone} />
      {asset && asset.state !== 'ready' && asset.state !== 'failed' && <RungBars asset={asset} />}
      {asset?.playable && (
        <Link className="transfer-watch" href={`/watch/${asset.id}`} data-testid="transfer-watch">
          <Icon name="play" size={16} />
          {asset.state === 'ready' ? 'Watch' : 'Playable already: watch now'}
        </Link>
      )}
    </li>
  );
}

function TransferActions({ transfer, title }: { transfer: Transfer; title: string }) {
  const [asking, setAsking] = useState(false);
  const { key, phase } = transfer;
  return (
    <div className="transfer-actions">
      {isActive(transfer) && <IconButton icon="pause" label={`Pause ${title}`} onClick={() => pause(key)} />}
      {phase === 'paused' && <IconButton icon="play" label={`Resume ${title}`} onClick={() => resume(key)} />}
      {phase === 'failed' && (
        <IconButton icon="replay" label={`Try ${title} again`} onClick={() => resume(key)} />
      )}
      {isUnsent(transfer) ? (
        <IconButton icon="close" label={`Cancel ${title}`} onClick={() => setAsking(true)} />
      ) : (
        <IconButton icon="close" label={`Take ${title} off this list`} onClick={() => dismiss(key)} />
      )}
      {asking && (
        <ConfirmDialog
          title="Cancel this upload?"
          text={`What has been sent of “${title}” is deleted from the server.`}
          action="Cancel upload"
          keep="Keep uploading"
          onConfirm={() => void cancel(key)}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
}
