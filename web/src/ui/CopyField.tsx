import { useId } from 'react';
import { Button } from './Button';
import { copyText } from './toasts';

interface CopyFieldProps {
  label: string;
  value: string;
  /** Rows of a multi-line field; one line when absent. */
  rows?: number;
  testId?: string;
}

/** A value to take away: selected on focus, copied by its button. */
export function CopyField({ label, value, rows, testId }: CopyFieldProps) {
  const id = useId();
  const shared = {
    id,
    value,
    readOnly: true,
    spellCheck: false,
    'data-testid': testId,
    className: 'field code',
  };
  return (
    <div className="copy-field">
      <label htmlFor={id}>{label}</label>
      <div className="copy-row">
        {rows === undefined ? (
          <input {...shared} onFocus={(event) => event.target.select()} />
        ) : (
          <textarea {...shared} rows={rows} onFocus={(event) => event.target.select()} />
        )}
        <Button
          icon="copy"
          onClick={() => void copyText(value, label)}
          aria-label={`Copy ${label.toLowerCase()}`}
        >
          Copy
        </Button>
      </div>
    </div>
  );
}
