import '../styles/player.css';
import '../styles/seek.css';
import '../styles/overlays.css';
import '../styles/watch.css';
import type { Watch } from '../api/types';
import { startSeconds } from '../asset/share';
import { Player } from '../player/Player';
import { useSearch } from '../state/router';
import { Icon } from '../ui/Icon';
import { usePageTitle } from '../ui/usePageTitle';
import { NotPlayable } from './NotPlayable';
import { useWatch } from './useWatch';
import { pageLinks } from './watching';

const isOn = (value: string | null): boolean => value === '1' || value === 'true';

/** The bare player for a frame in somebody's page: `?t=`, `?autoplay=1`, `?muted=1`, `?token=`. */
export default function EmbedPage({ id }: { id: string }) {
  const search = useSearch();
  const query = new URLSearchParams(search);
  const token = query.get('token');
  const { watching, reload } = useWatch(id, token);
  usePageTitle(watching.status === 'loaded' ? watching.watch.title : null);
  const autoplay = isOn(query.get('autoplay'));

  return (
    <main className="embed" data-testid="embed">
      {watching.status === 'missing' && <p className="embed-words">There is nothing to watch here.</p>}
      {watching.status === 'failed' && <p className="embed-words">{watching.reason}</p>}
      {watching.status === 'loaded' && watching.watch.hls === null && (
        <NotPlayable watch={watching.watch} asset={null} />
      )}
      {watching.status === 'loaded' && watching.watch.hls !== null && (
        <>
          <Player
            source={{
              id,
              title: watching.watch.title,
              hls: watching.watch.hls,
              poster: watching.watch.poster,
              thumbs: watching.watch.thumbs,
              durationMs: watching.watch.duration_ms,
              finished: watching.watch.state === 'ready',
              startAt: startSeconds(search),
              lazy: !autoplay,
              live: null,
            }}
            autoplay={autoplay}
            muted={isOn(query.get('muted'))}
            fill
            onRetry={() => reload(true)}
          />
          <EmbedTitle watch={watching.watch} token={token} />
        </>
      )}
    </main>
  );
}

function EmbedTitle({ watch, token }: { watch: Watch; token: string | null }) {
  return (
    <a
      className="embed-title"
      href={pageLinks(watch, location.origin, token).watch}
      target="_blank"
      rel="noopener"
    >
      {watch.title}
      <Icon name="share" size={16} />
    </a>
  );
}
