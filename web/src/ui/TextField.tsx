import { useId, type ComponentProps } from 'react';

interface TextFieldProps extends Omit<ComponentProps<'input'>, 'onChange' | 'id'> {
  label: string;
  value: string;
  onValue: (value: string) => void;
  /** What is expected, said below the field. */
  hint?: string;
  /** Set in the typeface of code. */
  code?: boolean;
}

/** A labelled line of text in a form. */
export function TextField({ label, value, onValue, hint, code = false, ...rest }: TextFieldProps) {
  const id = useId();
  return (
    <div className="form-field">
      <label htmlFor={id}>{label}</label>
      <input
        {...rest}
        id={id}
        className={code ? 'field code' : 'field'}
        value={value}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onChange={(event) => onValue(event.target.value)}
      />
      {hint !== undefined && (
        <p id={`${id}-hint`} className="small soft">
          {hint}
        </p>
      )}
    </div>
  );
}
