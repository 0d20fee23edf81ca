import { Button } from './Button';
import { Dialog } from './Dialog';
import { FormError } from './FormError';

interface ConfirmDialogProps {
  title: string;
  text: string;
  /** The word on the button that does it. */
  action: string;
  keep?: string;
  busy?: boolean;
  error?: string | null;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something that cannot be taken back. The safe answer has the focus. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, text, action, keep = 'Keep it', busy = false, error = null, onConfirm, onClose } = props;
  return (
    <Dialog title={title} onClose={onClose} testId="confirm-dialog">
      <p className="soft">{text}</p>
      <FormError text={error} />
      <div className="form-actions">
        <Button onClick={onClose} data-initial-focus>
          {keep}
        </Button>
        <Button look="danger" busy={busy} onClick={onConfirm} data-testid="confirm">
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
