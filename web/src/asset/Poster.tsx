import { useState } from 'react';
import type { Asset } from '../api/types';
import { hasVideo, isUnderWay } from '../catalogue/words';
import { Icon } from '../ui/Icon';
import { Wave } from './Wave';

/** The picture of an asset, or what stands for it while there is none. */
export function Poster({ asset }: { asset: Asset }) {
  const [failedUrl, setFailedUrl] = useState<string | null>(null);
  const [loadedUrl, setLoadedUrl] = useState<string | null>(null);
  const { poster } = asset;
  if (poster === null || poster === failedUrl) return <Placeholder asset={asset} />;
  return (
    <img
      className={loadedUrl === poster ? 'poster poster-loaded' : 'poster'}
      src={poster}
      alt=""
      loading="lazy"
      decoding="async"
      draggable={false}
      onLoad={() => setLoadedUrl(poster)}
      onError={() => setFailedUrl(poster)}
    />
  );
}

function Placeholder({ asset }: { asset: Asset }) {
  if (asset.state === 'ready' && !hasVideo(asset)) return <Wave id={asset.id} />;
  const icon =
    asset.state === 'failed' ? 'alert' : hasVideo(asset) || asset.duration_ms === null ? 'film' : 'music';
  return (
    <span className={`poster-empty ${isUnderWay(asset.state) ? 'poster-busy' : ''}`}>
      <Icon name={icon} size={36} />
    </span>
  );
}
