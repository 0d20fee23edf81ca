import { useId } from 'react';
import type { ChannelChoices } from '../api/live';
import { VisibilityChoices } from '../asset/VisibilityChoices';
import { TextField } from '../ui/TextField';
import { WINDOWS, windowWords } from './words';

export const USUAL: ChannelChoices = {
  name: '',
  visibility: 'unlisted',
  rungs: null,
  dvr_seconds: 7_200,
  recording: true,
};

const HEIGHTS = [1080, 720, 480, 360, 240];

interface FieldsProps {
  value: ChannelChoices;
  onValue: (value: ChannelChoices) => void;
}

/** What may be chosen about a channel. */
export function ChannelFields({ value, onValue }: FieldsProps) {
  const set = (change: Partial<ChannelChoices>) => onValue({ ...value, ...change });
  return (
    <>
      <TextField
        label="Name"
        value={value.name}
        onValue={(name) => set({ name })}
        maxLength={200}
        placeholder="Studio"
        required
        data-initial-focus
      />
      <VisibilityChoices
        legend="Who can watch it"
        chosen={value.visibility}
        onChoose={(visibility) => set({ visibility })}
      />
      <RungFields value={value} onValue={onValue} />
      <WindowField value={value} onValue={onValue} />
      <label className="choice">
        <input
          type="checkbox"
          checked={value.recording}
          onChange={(event) => set({ recording: event.target.checked })}
        />
        Record
        <small>Each broadcast becomes a film in the library.</small>
      </label>
    </>
  );
}

function RungFields({ value, onValue }: FieldsProps) {
  const { rungs } = value;
  const set = (chosen: number[] | null) => onValue({ ...value, rungs: chosen });
  const toggle = (height: number) => {
    const before = rungs ?? [];
    set(before.includes(height) ? before.filter((rung) => rung !== height) : [...before, height]);
  };
  return (
    <fieldset className="choices">
      <legend className="choices-legend">Sizes besides what the encoder sends</legend>
      <label className="choice">
        <input type="checkbox" checked={rungs === null} onChange={() => set(rungs === null ? [] : null)} />
        Let the server choose
      </label>
      {rungs !== null && (
        <div className="channel-rungs">
          {HEIGHTS.map((height) => (
            <label key={height} className="channel-rung">
              <input type="checkbox" checked={rungs.includes(height)} onChange={() => toggle(height)} />
              {height}p
            </label>
          ))}
        </div>
      )}
    </fieldset>
  );
}

function WindowField({ value, onValue }: FieldsProps) {
  const id = useId();
  const known = WINDOWS.some(([seconds]) => seconds === value.dvr_seconds);
  const windows = known ? WINDOWS : [...WINDOWS, [value.dvr_seconds, windowWords(value)] as const];
  return (
    <div className="form-field">
      <label htmlFor={id}>How far viewers can go back</label>
      <select
        id={id}
        className="field"
        value={String(value.dvr_seconds)}
        onChange={({ target }) =>
          onValue({ ...value, dvr_seconds: target.value === 'null' ? null : Number(target.value) })
        }
      >
        {windows.map(([seconds, words]) => (
          <option key={String(seconds)} value={String(seconds)}>
            {words}
          </option>
        ))}
      </select>
    </div>
  );
}
