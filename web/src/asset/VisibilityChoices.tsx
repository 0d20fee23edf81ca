import { useId } from 'react';
import type { Visibility } from '../api/types';
import { VISIBILITIES, VISIBILITY_WORDS } from '../catalogue/words';

interface VisibilityChoicesProps {
  legend: string;
  chosen: Visibility;
  onChoose: (visibility: Visibility) => void;
}

export function VisibilityChoices({ legend, chosen, onChoose }: VisibilityChoicesProps) {
  const name = useId();
  return (
    <fieldset className="choices">
      <legend className="choices-legend">{legend}</legend>
      {VISIBILITIES.map((visibility) => (
        <label key={visibility} className="choice">
          <input
            type="radio"
            name={name}
            value={visibility}
            checked={visibility === chosen}
            onChange={() => onChoose(visibility)}
          />
          {VISIBILITY_WORDS[visibility].label}
          <small>{VISIBILITY_WORDS[visibility].meaning}</small>
        </label>
      ))}
    </fieldset>
  );
}
