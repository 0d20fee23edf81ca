import { useState } from 'react';
import type { Asset, Watch } from '../api/types';
import { steerOf } from '../asset/steering';
import { stageSentence } from '../catalogue/words';
import { mayCreate, useSession } from '../session/session';
import { percentText } from '../text/format';
import { RungBars } from '../upload/RungBars';
import { chooseAndContinue } from '../upload/useUploads';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { ProgressBar } from '../ui/ProgressBar';

const VIEWER_WORDS: Partial<Record<Watch['state'], string>> = {
  uploading: 'This film is still being uploaded.',
  failed: 'This film could not be prepared for playback.',
};

/** Stands where the player will be. Its owner sees how far it is; viewers, that it is coming. */
export function NotPlayable({ watch, asset }: { watch: Watch; asset: Asset | null }) {
  const failed = watch.state === 'failed';
  const words = VIEWER_WORDS[watch.state] ?? 'This film is being prepared. It starts to play here soon.';
  return (
    <div className="not-playable" data-testid="not-playable" data-state={watch.state}>
      <span className={`notice-icon ${failed ? 'notice-bad' : ''}`}>
        <Icon name={failed ? 'alert' : 'film'} size={28} />
      </span>
      <p role="status">{asset ? stageSentence(asset) : words}</p>
      {asset && !failed && <OwnerProgress asset={asset} />}
      {asset && <SteerButton asset={asset} />}
    </div>
  );
}

function SteerButton({ asset }: { asset: Asset }) {
  const creator = mayCreate(useSession());
  const steer = steerOf(asset);
  const [busy, setBusy] = useState(false);
  if (!creator || !steer) return null;
  const run = () => {
    setBusy(true);
    void steer.run().finally(() => setBusy(false));
  };
  return (
    <Button icon={steer.icon} busy={busy} onClick={run} data-testid="steer">
      {steer.label}
    </Button>
  );
}

function OwnerProgress({ asset }: { asset: Asset }) {
  const { upload } = asset;
  if (asset.state === 'uploading' && upload) {
    const percent = upload.length > 0 ? (upload.offset * 100) / upload.length : 0;
    return (
      <div className="not-playable-progress">
        <ProgressBar percent={percent} label={`Upload of ${asset.title}`} tone="still" />
        <span className="small soft digits">{percentText(percent)} received</span>
        {!upload.fetched && (
          <Button icon="upload" onClick={() => chooseAndContinue(asset)}>
            Continue upload
          </Button>
        )}
      </div>
    );
  }
  return (
    <div className="not-playable-progress">
      {asset.progress.tracks.length === 0 && (
        <ProgressBar percent={null} label={`Progress of ${asset.title}`} />
      )}
      <RungBars asset={asset} />
    </div>
  );
}
