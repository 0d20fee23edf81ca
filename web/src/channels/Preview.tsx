import type { Channel } from '../api/live';
import { LivePlayer } from '../live/LivePlayer';
import { useOnAir } from '../live/useOnAir';
import { Link } from '../state/router';
import { Icon } from '../ui/Icon';

/** What viewers see, without sound; counted as no viewer. */
export function Preview({ channel, onAir }: { channel: Channel; onAir: boolean }) {
  return (
    <section className="room-preview" aria-label="Preview" data-testid="preview">
      {onAir ? <Screen id={channel.channel} /> : <Dark />}
      <Link className="small" href={`/watch/live/${channel.channel}`} data-testid="to-watch">
        The page for viewers
      </Link>
    </section>
  );
}

function Dark() {
  return (
    <div className="not-playable">
      <span className="notice-icon">
        <Icon name="broadcast" size={28} />
      </span>
      <p>Nothing is on air.</p>
    </div>
  );
}

function Screen({ id }: { id: string }) {
  const { watched, offsetMs, over, reload } = useOnAir(id, null);
  if (watched.status !== 'loaded' || watched.screen.show !== 'player') {
    return (
      <div className="not-playable">
        <span className="spinner" />
        <p role="status">The picture appears in a moment.</p>
      </div>
    );
  }
  const { screen, onAir } = watched;
  return (
    <LivePlayer
      key={screen.broadcast}
      onAir={onAir}
      screen={screen}
      token={null}
      offsetMs={offsetMs}
      preview
      onOver={() => over(screen.broadcast)}
      onRetry={reload}
    />
  );
}
