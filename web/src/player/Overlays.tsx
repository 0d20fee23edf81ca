import { useEffect, useState } from 'react';
import { clockTime } from '../text/format';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';
import type { Player } from './usePlayer';

const EDGE_S = 2;
const RESUMED_MS = 7_000;

/** What lies over the picture: failure, waiting, the large play button, echoes of commands. */
export function Overlays({ player }: { player: Player }) {
  const { playback, flash } = player;
  if (playback.error !== null) return <Failure text={playback.error} onRetry={player.retry} />;
  return (
    <>
      <Waiting player={player} />
      <CentreButton player={player} />
      {flash && (
        <div key={flash.id} className={`flash flash-${flash.side} digits`} aria-hidden="true">
          {flash.side !== 'middle' && <Icon name="replay" size={28} />}
          {flash.text}
        </div>
      )}
      <Resumed player={player} />
    </>
  );
}

function Failure({ text, onRetry }: { text: string; onRetry: () => void }) {
  useEffect(() => {
    addEventListener('online', onRetry);
    return () => removeEventListener('online', onRetry);
  }, [onRetry]);
  return (
    <div className="player-failure" role="alert" data-testid="player-error">
      <Icon name="alert" size={36} />
      <p>{text}</p>
      <Button look="primary" icon="replay" onClick={onRetry} data-testid="player-retry">
        Try again
      </Button>
    </div>
  );
}

function Waiting({ player }: { player: Player }) {
  const { media, playback, timeline, live } = player;
  if (!media.stalled) return null;
  const atEdge = playback.growing && !live && timeline.available - media.time < EDGE_S && media.time > 0;
  return (
    <div className="player-waiting" role="status" data-testid="buffering">
      <span className="spinner" />
      <span className={atEdge ? '' : 'unseen'}>
        {atEdge ? 'The next part is still being made' : 'Loading'}
      </span>
    </div>
  );
}

/** Before the first play and after the end; on touch screens also with the controls. */
function CentreButton({ player }: { player: Player }) {
  const { media, run } = player;
  const resting = !media.started || media.ended;
  if (media.stalled && !media.paused) return null;
  const label = media.ended ? 'Play again' : media.paused ? 'Play' : 'Pause';
  return (
    <button
      type="button"
      className={`centre-button ${resting ? 'centre-resting' : ''}`}
      aria-label={label}
      tabIndex={-1}
      data-testid="centre-play"
      onClick={() => run({ do: 'toggle' })}
    >
      <Icon name={media.ended ? 'replay' : media.paused ? 'play' : 'pause'} size={34} />
    </button>
  );
}

/** Offers the beginning to someone who was put where they left. */
function Resumed({ player }: { player: Player }) {
  const { resumedAt, media } = player;
  const [shown, setShown] = useState(resumedAt !== null);
  const playing = !media.paused;
  useEffect(() => {
    if (!playing) return;
    const timer = setTimeout(() => setShown(false), RESUMED_MS);
    return () => clearTimeout(timer);
  }, [playing]);
  if (!shown || resumedAt === null) return null;
  const startOver = () => {
    player.seekTo(0);
    setShown(false);
  };
  return (
    <div className="resumed digits" data-testid="resumed">
      Where you left: {clockTime(resumedAt)}
      <button type="button" onClick={startOver}>
        Start over
      </button>
    </div>
  );
}
