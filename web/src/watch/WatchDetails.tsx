import type { Asset, Watch } from '../api/types';
import { AssetMenu } from '../asset/AssetMenu';
import { LinkFields, SharePanel } from '../asset/SharePanel';
import { VISIBILITY_WORDS } from '../catalogue/words';
import { navigate } from '../state/router';
import { clockTime, timeAgo } from '../text/format';
import { RungBars } from '../upload/RungBars';
import { useNow } from '../ui/useNow';
import { AssetFacts } from './AssetFacts';
import { pageLinks } from './watching';

interface WatchDetailsProps {
  watch: Watch;
  asset: Asset | null;
  token: string | null;
  /** The moment the player is at, in seconds; none without a player. */
  currentTime: (() => number) | undefined;
}

/** Below the player: title and sharing for all, the making of it for those who own it. */
export function WatchDetails({ watch, asset, token, currentTime }: WatchDetailsProps) {
  const making = asset !== null && asset.state === 'transcoding' && watch.hls !== null;
  return (
    <div className="watch-below">
      <header className="watch-head">
        <div>
          <h1>{asset?.title ?? watch.title}</h1>
          <WatchLine watch={watch} asset={asset} />
        </div>
        {asset && <AssetMenu asset={asset} onDeleted={() => navigate('/')} />}
      </header>
      {making && (
        <section className="panel watch-making" aria-labelledby="making-title">
          <h2 id="making-title">Still being transcoded</h2>
          <RungBars asset={asset} />
        </section>
      )}
      <section className="panel watch-share" aria-labelledby="share-title">
        <h2 id="share-title">Share</h2>
        {asset ? (
          <SharePanel asset={asset} currentTime={currentTime} />
        ) : (
          <ViewerShare watch={watch} token={token} currentTime={currentTime} />
        )}
      </section>
      {asset && <AssetFacts asset={asset} />}
    </div>
  );
}

function ViewerShare({ watch, token, currentTime }: Omit<WatchDetailsProps, 'asset'>) {
  return (
    <div className="share" data-testid="share-panel">
      <LinkFields
        links={pageLinks(watch, location.origin, token)}
        title={watch.title}
        video={watch.poster !== null}
        currentTime={currentTime}
      />
    </div>
  );
}

function WatchLine({ watch, asset }: { watch: Watch; asset: Asset | null }) {
  const now = useNow();
  const words = [
    watch.duration_ms === null ? null : clockTime(watch.duration_ms / 1000),
    asset && `Uploaded ${timeAgo(asset.created_ms, now)}`,
    asset && VISIBILITY_WORDS[asset.visibility].label,
  ];
  return <p className="soft digits">{words.filter((word) => word !== null).join(' · ')}</p>;
}
