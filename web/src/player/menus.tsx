import { Icon } from '../ui/Icon';
import { Menu, MenuChoice } from '../ui/Menu';
import { bitrateLabel, levelLabel } from './playback';
import { RATES } from './shortcuts';
import type { Player } from './usePlayer';

interface PlayerMenuProps {
  player: Player;
  onHold: (held: boolean) => void;
}

export function QualityMenu({ player, onHold }: PlayerMenuProps) {
  const { levels, chosenLevel, currentLevel } = player.playback;
  const auto = chosenLevel === null;
  if (levels.length === 0) return null;
  const current = levels.find(({ index }) => index === currentLevel);
  const shown = current ? levelLabel(current) : 'Auto';
  return (
    <Menu
      label={`Quality: ${auto ? 'automatic, ' : ''}${shown}`}
      title="Quality"
      button={<span className="control-text digits">{shown}</span>}
      buttonClass="icon-button control-wide"
      testId="quality"
      onOpenChange={onHold}
      side="above"
    >
      <MenuChoice checked={auto} onSelect={() => player.selectLevel(null)}>
        Auto
        {auto && current && <small>{levelLabel(current)}</small>}
      </MenuChoice>
      {levels.map((level) => (
        <MenuChoice
          key={level.index}
          checked={level.index === chosenLevel}
          onSelect={() => player.selectLevel(level.index)}
        >
          {levelLabel(level)}
          <small className="digits">{bitrateLabel(level.bitrate)}</small>
        </MenuChoice>
      ))}
    </Menu>
  );
}

export function SpeedMenu({ player, onHold }: PlayerMenuProps) {
  const { rate } = player.media;
  return (
    <Menu
      label={`Speed: ${rate}×`}
      title="Speed"
      button={rate === 1 ? <Icon name="speed" /> : <span className="control-text digits">{rate}×</span>}
      testId="speed"
      onOpenChange={onHold}
      side="above"
    >
      {RATES.map((choice) => (
        <MenuChoice key={choice} checked={choice === rate} onSelect={() => player.setRate(choice)}>
          {choice === 1 ? 'Normal' : `${choice}×`}
        </MenuChoice>
      ))}
    </Menu>
  );
}

/** Only where there is something to choose. */
export function AudioMenu({ player, onHold }: PlayerMenuProps) {
  const { audioChoices, currentAudio } = player.playback;
  if (audioChoices.length < 2) return null;
  return (
    <Menu
      label="Audio track"
      title="Audio"
      button={<Icon name="voices" />}
      testId="audio"
      onOpenChange={onHold}
      side="above"
    >
      {audioChoices.map(({ index, label }) => (
        <MenuChoice key={index} checked={index === currentAudio} onSelect={() => player.selectAudio(index)}>
          {label}
        </MenuChoice>
      ))}
    </Menu>
  );
}

/** Only where the film has text. */
export function CaptionsMenu({ player, onHold }: PlayerMenuProps) {
  const { textChoices, currentText } = player.playback;
  if (textChoices.length === 0) return null;
  const shown = textChoices.find(({ index }) => index === currentText);
  return (
    <Menu
      label={`Captions: ${shown?.label ?? 'off'}`}
      title="Captions"
      button={<Icon name="captions" />}
      testId="captions"
      onOpenChange={onHold}
      side="above"
    >
      <MenuChoice checked={currentText === null} onSelect={() => player.selectText(null)}>
        Off
      </MenuChoice>
      {textChoices.map(({ index, label }) => (
        <MenuChoice key={index} checked={index === currentText} onSelect={() => player.selectText(index)}>
          {label}
        </MenuChoice>
      ))}
    </Menu>
  );
}
