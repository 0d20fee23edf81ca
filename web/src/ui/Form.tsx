import type { ReactNode } from 'react';
import { Button } from './Button';
import { FormError } from './FormError';
import { useAction } from './useAction';

interface FormProps {
  /** The word on the button that does it. */
  action: string;
  work: () => Promise<unknown>;
  children: ReactNode;
  disabled?: boolean;
  testId?: string;
  /** Shows a second button that leaves the form. */
  onCancel?: () => void;
  /** A form that is a page's one purpose: larger, its button as wide as the fields. */
  wide?: boolean;
}

/** Fields that do one thing together: busy while it is done, and what went wrong is said above the button. */
export function Form({
  action,
  work,
  children,
  disabled = false,
  testId,
  onCancel,
  wide = false,
}: FormProps) {
  const { busy, error, run } = useAction();
  const button = (
    <Button type="submit" look="primary" busy={busy} disabled={disabled} data-testid={testId}>
      {action}
    </Button>
  );
  return (
    <form
      className={wide ? 'form sign-in-form' : 'form'}
      onSubmit={(event) => {
        event.preventDefault();
        run(work);
      }}
    >
      {children}
      <FormError text={error} />
      {wide ? (
        button
      ) : (
        <div className="form-actions">
          {onCancel && <Button onClick={onCancel}>Cancel</Button>}
          {button}
        </div>
      )}
    </form>
  );
}
