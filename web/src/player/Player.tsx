import { useEffect, useEffectEvent, useRef, useState } from 'react';
import { Controls } from './Controls';
import { play, restoreVolume } from './controls';
import { HelpDialog } from './HelpDialog';
import { Overlays } from './Overlays';
import { Stage } from './Stage';
import { useFullscreen } from './useFullscreen';
import { useActivity } from './useActivity';
import { useMediaSession } from './useMediaSession';
import { useLiveRecovery } from './useLiveRecovery';
import { useLiveReport } from './useLiveReport';
import { usePlayReport } from './usePlayReport';
import { usePlayer, type Player as PlayerState, type PlayerSource } from './usePlayer';
import { useShortcuts } from './useShortcuts';

interface PlayerProps {
  source: PlayerSource;
  autoplay?: boolean;
  muted?: boolean;
  /** Fill the surrounding box instead of keeping 16:9. */
  fill?: boolean;
  theatre?: { on: boolean; toggle: () => void };
  /** Asks for a fresh address of the stream before another attempt. */
  onRetry: () => void;
  onVideo?: (video: HTMLVideoElement | null) => void;
  /** Told when there is nothing more to play, and when playing cannot go on. */
  onOver?: () => void;
}

function stateOf({ source, media, playback }: PlayerState): string {
  if (playback.error !== null) return 'error';
  if (media.ended) return 'ended';
  if (media.stalled) return 'buffering';
  if (!media.loaded) return source.lazy && !media.started ? 'idle' : 'loading';
  return media.paused ? 'paused' : 'playing';
}

/** The video player with its own controls. */
export function Player({
  source,
  autoplay = false,
  muted = false,
  fill = false,
  theatre,
  ...events
}: PlayerProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [help, setHelp] = useState(false);
  const player = usePlayer(source, {
    frame,
    onTheatre: theatre?.toggle,
    onHelp: () => setHelp(true),
    onRetry: events.onRetry,
  });
  const fullscreen = useFullscreen(frame);
  const { media, playback } = player;
  const activity = useActivity(media.paused || media.ended || playback.error !== null);
  useShortcuts(frame, player.run, activity.wake);
  useMediaSession(player);
  const playing = media.loaded && !media.paused && !media.ended;
  usePlayReport(source.id, source.hls, playing && !source.live);
  useLiveReport(player, playing);
  useOver(player, events.onOver);
  useLiveRecovery(player, playing);
  useBeginning(player, { autoplay, muted, onVideo: events.onVideo });

  return (
    <div
      ref={frame}
      className={`player ${fill || fullscreen ? 'player-fill' : ''}`}
      data-testid="player"
      data-state={stateOf(player)}
      data-level={heightOnScreen(player)}
      data-growing={playback.growing}
      data-live={player.live ? (player.live.atEdge ? 'edge' : 'behind') : undefined}
      data-latency={player.live?.latencyMs ?? undefined}
      data-audio={player.audioOnly}
      data-controls={activity.shown ? 'shown' : 'hidden'}
      role="region"
      aria-label={`Player: ${source.title}`}
      {...activity.handlers}
    >
      <Stage player={player} activity={activity} />
      <Overlays player={player} />
      {playback.error === null && (
        <Controls
          player={player}
          theatre={theatre && !fullscreen ? theatre : null}
          fullscreen={fullscreen}
          onHold={activity.hold}
          onHelp={() => setHelp(true)}
        />
      )}
      {help && <HelpDialog live={source.live !== null} onClose={() => setHelp(false)} />}
    </div>
  );
}

function useOver({ media, playback }: PlayerState, onOver: (() => void) | undefined): void {
  const over = media.ended || playback.error !== null;
  const tell = useEffectEvent(() => onOver?.());
  useEffect(() => {
    if (over) tell();
  }, [over]);
}

function heightOnScreen({ playback }: PlayerState): number | undefined {
  return playback.levels.find(({ index }) => index === playback.currentLevel)?.height;
}

interface Beginning {
  autoplay: boolean;
  muted: boolean;
  onVideo: ((video: HTMLVideoElement | null) => void) | undefined;
}

/** What happens once, when the video element is there. */
function useBeginning({ video }: PlayerState, { autoplay, muted, onVideo }: Beginning): void {
  const begin = useEffectEvent((element: HTMLVideoElement) => {
    onVideo?.(element);
    restoreVolume(element);
    if (muted) element.muted = true;
    if (autoplay) play(element);
  });
  useEffect(() => {
    if (video) begin(video);
  }, [video]);
}
