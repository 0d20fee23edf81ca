import type { OnAir } from '../api/live';
import { Player } from '../player/Player';
import { tokenOf } from '../player/plays';
import type { Screen } from './onair';

interface LivePlayerProps {
  onAir: OnAir;
  screen: Extract<Screen, { show: 'player' }>;
  token: string | null;
  offsetMs: () => number | null;
  theatre?: { on: boolean; toggle: () => void };
  /** A preview is muted, begins by itself and reports nothing. */
  preview?: boolean;
  onOver: () => void;
  onRetry: () => void;
}

/** The player of a broadcast, with what is said over it while the encoder is away. */
export function LivePlayer({ onAir, screen, token, offsetMs, preview = false, ...rest }: LivePlayerProps) {
  const recovering = onAir.state === 'recovering';
  return (
    <>
      <Player
        source={{
          id: screen.broadcast,
          title: onAir.name,
          hls: screen.hls,
          poster: null,
          thumbs: null,
          durationMs: null,
          finished: false,
          startAt: null,
          lazy: false,
          live: {
            channel: onAir.channel,
            token: token ?? tokenOf(screen.hls),
            beaconMs: onAir.beacon_ms,
            clockOffsetMs: offsetMs,
            silent: preview,
          },
        }}
        autoplay
        muted={preview}
        {...rest}
      />
      {recovering && (
        <p className="live-recovering" role="status" data-testid="recovering">
          <span className="spinner" aria-hidden="true" />
          The broadcast is interrupted. It goes on by itself.
        </p>
      )}
    </>
  );
}
