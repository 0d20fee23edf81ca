import { useState } from 'react';
import { changeWebhook, deleteWebhook, pingWebhook, rotateWebhook } from '../api/calls';
import type { RevealedWebhook, Webhook } from '../api/types';
import { Button } from '../ui/Button';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { FormError } from '../ui/FormError';
import { Icon } from '../ui/Icon';
import { Menu, MenuItem } from '../ui/Menu';
import { toast } from '../ui/toasts';
import { useAction } from '../ui/useAction';
import { Deliveries } from './Deliveries';
import { healthOf, KIND_WORDS } from './words';

interface WebhookRowProps {
  webhook: Webhook;
  onChanged: () => void;
  onRevealed: (webhook: RevealedWebhook) => void;
}

export function WebhookRow({ webhook, onChanged, onRevealed }: WebhookRowProps) {
  const [open, setOpen] = useState(false);
  const [asking, setAsking] = useState<'remove' | 'rotate' | null>(null);
  const { busy, error, run } = useAction();
  const act = (work: () => Promise<unknown>, words: string) =>
    run(async () => {
      await work();
      setAsking(null);
      toast(words);
      onChanged();
    });
  const health = healthOf(webhook);
  const rotate = () =>
    run(async () => {
      const revealed = await rotateWebhook(webhook.id);
      setAsking(null);
      onRevealed(revealed);
    });
  return (
    <li className="panel webhook" data-testid="webhook">
      <div className="webhook-head">
        <div className="webhook-words">
          <span className="code webhook-url">{webhook.url}</span>
          <span className="small soft">
            {[webhook.description, webhook.kinds.map((kind) => KIND_WORDS[kind] ?? kind).join(', ')]
              .filter((words) => words !== '')
              .join(' · ')}
          </span>
          <span className={`small webhook-${health.look}`} data-testid="webhook-health">
            {health.words}
          </span>
        </div>
        <Button
          icon="upload"
          busy={busy}
          disabled={!webhook.enabled}
          onClick={() => act(() => pingWebhook(webhook.id), 'A test message is on its way.')}
          data-testid="ping"
        >
          Test
        </Button>
        <Menu label={`Actions for ${webhook.url}`} button={<Icon name="more" />} testId="webhook-menu">
          <MenuItem
            onSelect={() =>
              act(
                () => changeWebhook(webhook.id, { enabled: !webhook.enabled }),
                webhook.enabled ? 'Switched off.' : 'Switched on.',
              )
            }
          >
            {webhook.enabled ? 'Switch off' : 'Switch on'}
          </MenuItem>
          <MenuItem icon="key" onSelect={() => setAsking('rotate')}>
            Rotate secret
          </MenuItem>
          <MenuItem danger onSelect={() => setAsking('remove')}>
            Remove
          </MenuItem>
        </Menu>
      </div>
      {asking === null && <FormError text={error} />}
      <Button
        look="quiet"
        aria-expanded={open}
        onClick={() => setOpen((before) => !before)}
        data-testid="show-deliveries"
      >
        {open ? 'Hide deliveries' : 'Show deliveries'}
      </Button>
      {open && <Deliveries webhook={webhook} />}
      {asking === 'remove' && (
        <ConfirmDialog
          title="Remove this webhook?"
          text={`Nothing more is sent to ${webhook.url}, and what waits for it is dropped.`}
          action="Remove"
          busy={busy}
          error={error}
          onConfirm={() => act(() => deleteWebhook(webhook.id), 'The webhook was removed.')}
          onClose={() => setAsking(null)}
        />
      )}
      {asking === 'rotate' && (
        <ConfirmDialog
          title="Rotate the secret?"
          text="A new secret is made and shown once. Messages are signed with both for a day, then only with the new one."
          action="Rotate"
          keep="Keep the old one"
          busy={busy}
          error={error}
          onConfirm={rotate}
          onClose={() => setAsking(null)}
        />
      )}
    </li>
  );
}
