import { useEffect, useRef } from 'react';
import '../styles/player.css';
import '../styles/seek.css';
import '../styles/overlays.css';
import '../styles/watch.css';
import type { Asset, Watch } from '../api/types';
import { startSeconds } from '../asset/share';
import { useFreshAsset } from '../catalogue/assets';
import { Player } from '../player/Player';
import { useSession } from '../session/session';
import { PageSpinner } from '../shell/pages';
import { cameByClick, useSearch } from '../state/router';
import { Button } from '../ui/Button';
import { Notice } from '../ui/Notice';
import { usePageTitle } from '../ui/usePageTitle';
import { NoSuchFilm } from './NoSuchFilm';
import { NotPlayable } from './NotPlayable';
import { useTheatre } from './useTheatre';
import { useWatch } from './useWatch';
import { WatchDetails } from './WatchDetails';

export default function WatchPage({ id }: { id: string }) {
  const search = useSearch();
  const token = new URLSearchParams(search).get('token');
  const { watching, reload } = useWatch(id, token);
  const asset = useFreshAsset(useSession().status === 'in' ? id : null);
  useReloadOnChange(asset, reload);
  usePageTitle(watching.status === 'loaded' ? watching.watch.title : null);

  if (watching.status === 'loading') return <PageSpinner />;
  if (watching.status === 'missing') return <NoSuchFilm />;
  if (watching.status === 'failed') {
    return (
      <Notice icon="alert" title="This page could not be loaded">
        <p>{watching.reason}</p>
        <Button look="primary" icon="replay" onClick={() => reload(false)}>
          Try again
        </Button>
      </Notice>
    );
  }
  return (
    <Watched
      watch={watching.watch}
      asset={asset}
      token={token}
      search={search}
      onRetry={() => reload(true)}
    />
  );
}

/** The feed tells a signed-in viewer of a change before the next poll would. */
function useReloadOnChange(asset: Asset | null, reload: (fresh: boolean) => void): void {
  const mark = asset ? `${asset.state} ${String(asset.playable)} ${asset.title}` : null;
  const seen = useRef(mark);
  useEffect(() => {
    const before = seen.current;
    seen.current = mark;
    if (before !== null && mark !== null && before !== mark) reload(false);
  }, [mark, reload]);
}

interface WatchedProps {
  watch: Watch;
  asset: Asset | null;
  token: string | null;
  search: string;
  onRetry: () => void;
}

function Watched({ watch, asset, token, search, onRetry }: WatchedProps) {
  const theatre = useTheatre();
  const video = useRef<HTMLVideoElement>(null);
  return (
    <div className={`watch ${theatre.on ? 'watch-theatre' : ''}`} data-testid="watch">
      <div className="watch-screen">
        {watch.poster !== null && <img className="watch-glow" src={watch.poster} alt="" />}
        {watch.hls === null ? (
          <NotPlayable watch={watch} asset={asset} />
        ) : (
          <Player
            source={{
              id: watch.id,
              title: watch.title,
              hls: watch.hls,
              poster: watch.poster,
              thumbs: watch.thumbs,
              durationMs: watch.duration_ms,
              finished: watch.state === 'ready',
              startAt: startSeconds(search),
              lazy: false,
              live: null,
            }}
            autoplay={cameByClick()}
            theatre={theatre}
            onRetry={onRetry}
            onVideo={(element) => {
              video.current = element;
            }}
          />
        )}
      </div>
      <WatchDetails
        watch={watch}
        asset={asset}
        token={token}
        currentTime={watch.hls === null ? undefined : () => video.current?.currentTime ?? 0}
      />
    </div>
  );
}
