import type { RevealedWebhook } from '../api/types';
import { Button } from '../ui/Button';
import { CopyField } from '../ui/CopyField';
import { Dialog } from '../ui/Dialog';

/** The one time a secret is shown. */
export function SecretDialog({ webhook, onClose }: { webhook: RevealedWebhook; onClose: () => void }) {
  return (
    <Dialog title="Keep this secret" onClose={onClose} testId="webhook-secret">
      <p className="soft">
        With it your server verifies that a message comes from here. It is shown this once; rotate it if it is
        lost.
      </p>
      {webhook.secret === null ? (
        <p>The webhook was changed meanwhile. Rotate its secret to get a new one.</p>
      ) : (
        <CopyField label="Signing secret" value={webhook.secret} testId="secret" />
      )}
      <p className="small soft">
        Messages are signed as Standard Webhooks says; its libraries verify the headers{' '}
        <code>webhook-id</code>, <code>webhook-timestamp</code> and <code>webhook-signature</code>.
      </p>
      <div className="form-actions">
        <Button look="primary" onClick={onClose}>
          I have kept it
        </Button>
      </div>
    </Dialog>
  );
}
