import { useCallback, useEffect, useState } from 'react';
import '../styles/webhooks.css';
import { listWebhooks } from '../api/calls';
import { isAbort, reasonOf } from '../api/problem';
import type { RevealedWebhook, Webhook } from '../api/types';
import { Button } from '../ui/Button';
import { Notice } from '../ui/Notice';
import { usePageTitle } from '../ui/usePageTitle';
import { NewWebhookDialog } from './NewWebhookDialog';
import { SecretDialog } from './SecretDialog';
import { WebhookRow } from './WebhookRow';

const REFRESH_MS = 5_000;

/** Where the tenant's events are posted to, and how that goes. */
export default function WebhooksPage() {
  usePageTitle('Webhooks');
  const { webhooks, error, reload } = useWebhooks();
  const [adding, setAdding] = useState(false);
  const [revealed, setRevealed] = useState<RevealedWebhook | null>(null);
  const show = (webhook: RevealedWebhook) => {
    setAdding(false);
    setRevealed(webhook);
    reload();
  };
  return (
    <div className="page page-narrow" data-testid="webhooks">
      <div className="library-head">
        <h1 className="page-title">Webhooks</h1>
        <Button look="primary" icon="plus" onClick={() => setAdding(true)} data-testid="add-webhook">
          Add webhook
        </Button>
      </div>
      <p className="soft">
        Your server is told when a film is ready, has failed or was deleted: a signed POST to an address of
        yours.
      </p>
      {error !== null && webhooks === null && (
        <Notice icon="alert" title="The webhooks could not be loaded">
          <p>{error}</p>
          <Button look="primary" icon="replay" onClick={reload}>
            Try again
          </Button>
        </Notice>
      )}
      {webhooks?.length === 0 && <p className="panel soft">There are none yet.</p>}
      <ul className="webhooks">
        {webhooks?.map((webhook) => (
          <WebhookRow key={webhook.id} webhook={webhook} onChanged={reload} onRevealed={show} />
        ))}
      </ul>
      {adding && <NewWebhookDialog onClose={() => setAdding(false)} onMade={show} />}
      {revealed && <SecretDialog webhook={revealed} onClose={() => setRevealed(null)} />}
    </div>
  );
}

/** The list, read again every few seconds while the page is in view. */
function useWebhooks() {
  const [webhooks, setWebhooks] = useState<Webhook[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [request, setRequest] = useState(0);
  const reload = useCallback(() => setRequest((before) => before + 1), []);
  useEffect(() => {
    const abort = new AbortController();
    listWebhooks(abort.signal).then(
      (page) => {
        setWebhooks(page.items);
        setError(null);
      },
      (failure: unknown) => !isAbort(failure) && setError(reasonOf(failure)),
    );
    return () => abort.abort();
  }, [request]);
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && reload(), REFRESH_MS);
    return () => clearInterval(timer);
  }, [reload]);
  return { webhooks, error, reload };
}
