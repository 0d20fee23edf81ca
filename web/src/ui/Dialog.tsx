import { useEffect, useId, useRef, type ReactNode } from 'react';
import { IconButton } from './Button';

const INITIAL_FOCUS = '[data-initial-focus]';

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  /** `wide` for tables and code. */
  width?: 'normal' | 'wide';
  testId?: string;
}

/**
 * A modal dialog: the browser keeps the focus inside, closes on Escape and gives the focus back.
 * It starts at the element marked `data-initial-focus`, else at the close button.
 */
export function Dialog({ title, onClose, children, width = 'normal', testId }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();

  useEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
    element?.querySelector<HTMLElement>(INITIAL_FOCUS)?.focus();
    return () => element?.close();
  }, []);

  return (
    // The backdrop is the dialog itself: a click on it, not on its content, closes.
    <dialog
      ref={dialog}
      className={`dialog dialog-${width}`}
      aria-labelledby={heading}
      data-testid={testId}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div className="dialog-body">
        <header className="dialog-head">
          <h2 id={heading}>{title}</h2>
          <IconButton icon="close" label="Close" onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  );
}
