import { IconButton } from '../ui/Button';
import { LivePosition } from './LivePosition';
import { AudioMenu, CaptionsMenu, QualityMenu, SpeedMenu } from './menus';
import { SeekBar } from './SeekBar';
import { positionText } from './timeline';
import type { Player } from './usePlayer';
import { VolumeControl } from './VolumeControl';

interface ControlsProps {
  player: Player;
  theatre: { on: boolean; toggle: () => void } | null;
  fullscreen: boolean;
  /** Told while a menu or a drag must keep the controls on screen. */
  onHold: (held: boolean) => void;
  onHelp: () => void;
}

export function Controls({ player, theatre, fullscreen, onHold, onHelp }: ControlsProps) {
  const { media, playback, timeline, run, canPip, audioOnly, live } = player;
  const playIcon = media.ended ? 'replay' : media.paused ? 'play' : 'pause';
  const playLabel = media.ended ? 'Play again' : media.paused ? 'Play' : 'Pause';
  return (
    <div className="controls" data-testid="controls">
      <SeekBar player={player} onHold={onHold} />
      <div className="controls-row">
        <IconButton
          icon={playIcon}
          label={playLabel}
          data-testid="play"
          onClick={() => run({ do: 'toggle' })}
        />
        <VolumeControl player={player} />
        {live ? (
          <LivePosition player={player} live={live} />
        ) : (
          <span className="position digits" data-testid="position">
            {positionText(media.time, timeline)}
          </span>
        )}
        {playback.growing && !live && (
          <span className="growing" title="The rest is still being transcoded">
            Still being made
          </span>
        )}
        <span className="controls-gap" />
        {!live && <SpeedMenu player={player} onHold={onHold} />}
        <AudioMenu player={player} onHold={onHold} />
        <CaptionsMenu player={player} onHold={onHold} />
        <QualityMenu player={player} onHold={onHold} />
        <IconButton
          icon="help"
          label="Keyboard shortcuts"
          className="wide-only"
          data-testid="help"
          onClick={onHelp}
        />
        {canPip && (
          <IconButton
            icon="pip"
            label={media.pictureInPicture ? 'Leave picture in picture' : 'Picture in picture'}
            className="wide-only"
            data-testid="pip"
            onClick={() => run({ do: 'pip' })}
          />
        )}
        {theatre && !audioOnly && (
          <IconButton
            icon="theatre"
            label={theatre.on ? 'Leave theatre mode' : 'Theatre mode'}
            className="desktop-only"
            aria-pressed={theatre.on}
            data-testid="theatre"
            onClick={theatre.toggle}
          />
        )}
        <IconButton
          icon={fullscreen ? 'fullscreenExit' : 'fullscreen'}
          label={fullscreen ? 'Leave full screen' : 'Full screen'}
          data-testid="fullscreen"
          onClick={() => run({ do: 'fullscreen' })}
        />
      </div>
    </div>
  );
}
