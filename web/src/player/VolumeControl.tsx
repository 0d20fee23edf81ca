import type { CSSProperties } from 'react';
import { percentText } from '../text/format';
import { IconButton } from '../ui/Button';
import { setVolume } from './controls';
import type { Player } from './usePlayer';

export function VolumeControl({ player: { video, media, run } }: { player: Player }) {
  const volume = media.muted ? 0 : media.volume;
  const icon = volume === 0 ? 'muted' : volume < 0.5 ? 'soundLow' : 'sound';
  return (
    <div className="volume">
      <IconButton
        icon={icon}
        label={media.muted ? 'Unmute' : 'Mute'}
        data-testid="mute"
        onClick={() => run({ do: 'mute' })}
      />
      <input
        type="range"
        className="volume-range"
        min={0}
        max={1}
        step={0.01}
        value={volume}
        aria-label="Volume"
        aria-valuetext={percentText(Math.round(volume * 100))}
        style={{ '--volume': `${volume * 100}%` } as CSSProperties}
        data-testid="volume"
        onChange={(event) => video && setVolume(video, event.target.valueAsNumber)}
      />
    </div>
  );
}
