import '../styles/player.css';
import '../styles/seek.css';
import '../styles/overlays.css';
import '../styles/watch.css';
import '../styles/live.css';
import type { OnAir } from '../api/live';
import { StateBadge } from '../channels/StateBadge';
import { mayCreate, useSession } from '../session/session';
import { PageSpinner } from '../shell/pages';
import { Link, useSearch } from '../state/router';
import { timeAgo } from '../text/format';
import { Button } from '../ui/Button';
import { CopyField } from '../ui/CopyField';
import { Icon } from '../ui/Icon';
import { Notice } from '../ui/Notice';
import { useNow } from '../ui/useNow';
import { usePageTitle } from '../ui/usePageTitle';
import { NoSuchFilm } from '../watch/NoSuchFilm';
import { useTheatre } from '../watch/useTheatre';
import { LivePlayer } from './LivePlayer';
import { endedWords, type Screen } from './onair';
import { useOnAir } from './useOnAir';

/** A channel as its viewers meet it, on air or not. */
export default function LiveWatchPage({ id }: { id: string }) {
  const token = new URLSearchParams(useSearch()).get('token');
  const hook = useOnAir(id, token);
  const { watched } = hook;
  const theatre = useTheatre();
  usePageTitle(watched.status === 'loaded' ? watched.onAir.name : null);
  if (watched.status === 'loading') return <PageSpinner />;
  if (watched.status === 'missing') return <NoSuchFilm />;
  if (watched.status === 'failed') {
    return (
      <Notice icon="alert" title="This page could not be loaded">
        <p>{watched.reason}</p>
        <Button look="primary" icon="replay" onClick={hook.reload}>
          Try again
        </Button>
      </Notice>
    );
  }
  const { onAir, screen } = watched;
  return (
    <div
      className={`watch ${theatre.on ? 'watch-theatre' : ''}`}
      data-testid="live-watch"
      data-state={onAir.state}
    >
      <div className="watch-screen">
        {screen.show === 'player' ? (
          <LivePlayer
            key={screen.broadcast}
            onAir={onAir}
            screen={screen}
            token={token}
            offsetMs={hook.offsetMs}
            theatre={theatre}
            onOver={() => hook.over(screen.broadcast)}
            onRetry={hook.reload}
          />
        ) : (
          <OffAir onAir={onAir} screen={screen} />
        )}
      </div>
      <Below onAir={onAir} token={token} />
    </div>
  );
}

function OffAir({ onAir, screen }: { onAir: OnAir; screen: Screen }) {
  const over = screen.show === 'ended';
  const connecting = onAir.state === 'connecting';
  const waiting = connecting ? 'The broadcast is about to begin.' : 'Not on air yet.';
  return (
    <div className="not-playable" data-testid="off-air" data-state={onAir.state}>
      <span className="notice-icon">
        <Icon name="broadcast" size={28} />
      </span>
      <p role="status">{over ? endedWords(onAir.reason) : waiting}</p>
      {!over && <p className="small soft">It starts to play here by itself. You can leave this page open.</p>}
      {over && onAir.recording !== null && (
        <Link className="button button-primary" href={`/watch/${onAir.recording}`} data-testid="recording">
          <Icon name="play" size={18} />
          Watch the recording
        </Link>
      )}
      {over && <p className="small soft">The next broadcast starts here by itself.</p>}
    </div>
  );
}

function Below({ onAir, token }: { onAir: OnAir; token: string | null }) {
  const now = useNow();
  const creator = mayCreate(useSession());
  const query = token === null ? '' : `?${new URLSearchParams({ token }).toString()}`;
  const began = onAir.state === 'live' && onAir.live_ms !== null;
  return (
    <div className="watch-below">
      <header className="watch-head">
        <div>
          <h1>{onAir.name}</h1>
          <p className="soft digits live-line">
            <StateBadge state={onAir.state} />
            {began && `Began ${timeAgo(onAir.live_ms ?? 0, Math.max(now, onAir.now_ms))}`}
          </p>
        </div>
        {creator && (
          <Link className="button button-plain" href={`/channels/${onAir.channel}`} data-testid="to-room">
            <Icon name="quality" size={18} />
            Control room
          </Link>
        )}
      </header>
      <section className="panel watch-share" aria-labelledby="share-title">
        <h2 id="share-title">Share</h2>
        <CopyField label="Link" value={`${location.origin}/watch/live/${onAir.channel}${query}`} />
        {onAir.hls !== null && <CopyField label="Stream for other players (HLS)" value={onAir.hls} />}
      </section>
    </div>
  );
}
