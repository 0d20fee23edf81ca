import { behindText, latencyText } from './live';
import type { LiveState } from './live';
import type { Player } from './usePlayer';

/** The badge that leads back to the live edge, and how far from it the viewer is. */
export function LivePosition({ player, live }: { player: Player; live: LiveState }) {
  const { playback } = player;
  if (!playback.growing) return <span className="position">Recorded</span>;
  return (
    <>
      <button
        type="button"
        className="live-button"
        data-edge={live.atEdge}
        data-testid="go-live"
        aria-label={live.atEdge ? 'Live' : 'Go live'}
        title={live.atEdge ? 'You watch live' : 'Go live'}
        onClick={player.goLive}
      >
        Live
      </button>
      <span className="position digits" data-testid="live-position">
        {live.atEdge
          ? live.latencyMs !== null && (
              <span title="From the server to your screen">{latencyText(live.latencyMs)}</span>
            )
          : behindText(live.behindS)}
      </span>
      <button
        type="button"
        className="live-start wide-only"
        data-testid="start-over"
        onClick={() => player.seekTo(player.timeline.from)}
      >
        Start over
      </button>
    </>
  );
}
